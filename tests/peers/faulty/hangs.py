#!/usr/bin/env python3
"""Never answers when it is to train, and does not look at `stop`."""

import time
from typing import Any

from sound import Example, serve, stepbench_peer, unsupported


def hang(server: Any, request: dict[str, Any]) -> dict[str, Any]:
    while True:
        time.sleep(1)


stepbench_peer._Server.train = hang
serve(Example, unsupported=unsupported)
