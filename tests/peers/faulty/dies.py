#!/usr/bin/env python3
"""Dies of its second request to train, having said why."""

import os
import sys
from typing import Any

from sound import Example, serve, stepbench_peer, unsupported

train, asked = stepbench_peer._Server.train, []


def train_once(server: Any, request: dict[str, Any]) -> dict[str, Any]:
    asked.append(request)
    if len(asked) == 2:
        print("the faulty peer dies", file=sys.stderr, flush=True)
        os._exit(7)
    return train(server, request)


stepbench_peer._Server.train = train_once
serve(Example, unsupported=unsupported)
