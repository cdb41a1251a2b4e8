#!/usr/bin/env python3
"""The loss of its training steps is NaN; its gradients, and what it trains, are right."""

from sound import Example, np, serve, unsupported


class Faulty(Example):
    def train_step(self, inputs: np.ndarray, expected: np.ndarray, learning_rate: float, number: int) -> float:
        super().train_step(inputs, expected, learning_rate, number)
        return np.nan


serve(Faulty, unsupported=unsupported)
