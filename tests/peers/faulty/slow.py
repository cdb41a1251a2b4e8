#!/usr/bin/env python3
"""Every step of it sleeps for 50 ms."""

import time

from sound import Example, np, serve, unsupported


class Faulty(Example):
    def train_step(self, inputs: np.ndarray, expected: np.ndarray, learning_rate: float, number: int) -> float:
        time.sleep(0.05)
        return super().train_step(inputs, expected, learning_rate, number)


serve(Faulty, unsupported=unsupported)
