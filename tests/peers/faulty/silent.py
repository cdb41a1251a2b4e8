#!/usr/bin/env python3
"""Never greets, whatever it is told."""

import time

while True:
    time.sleep(1)
