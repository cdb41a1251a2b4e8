#!/usr/bin/env python3
"""Leaves a thread behind that never rests."""

import threading

from sound import Example, serve, stepbench_peer, unsupported


def spin() -> None:
    while True:
        pass


def make(job: stepbench_peer.Job) -> Example:
    threading.Thread(target=spin, daemon=True).start()
    return Example(job)


serve(make, unsupported=unsupported)
