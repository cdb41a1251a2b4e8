#!/usr/bin/env python3
"""Says what no peer says."""

import sys

print("hello, I am no peer", flush=True)
sys.stdin.read()
