#!/usr/bin/env python3
"""Takes a learning rate of a hundredth more than it is told; its gradients are right."""

from sound import Example, serve, unsupported


class Faulty(Example):
    def update(self, learning_rate: float, number: int) -> None:
        super().update(1.01 * learning_rate, number)


serve(Faulty, unsupported=unsupported)
