"""Weight averaging: a moving average over steps, which generalises better than the weights of any single step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a module's trainable weights.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992); the smaller decay in
    the first steps is that of TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        """Start the average at the module's current weights.

        Args:
            module: The module; only its trainable weights are averaged.
            decay: Decay per step; 0 averages nothing.
        """
        self.decay = decay
        self.weights = {
            name: each for name, each in module.named_parameters() if each.requires_grad and decay > 0
        }
        self.values = {name: each.detach().clone() for name, each in self.weights.items()}

    @torch.no_grad()
    def update(self, *, steps: int) -> None:
        """Add the current weights to the average, after this many optimiser steps."""
        # In the first steps the decay is smaller, so that the initial weights do not dominate the average.
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for name, weight in self.weights.items():
            self.values[name].lerp_(weight, 1 - decay)

    def load(self, average: Mapping[str, Tensor]) -> None:
        """Restore an average from a checkpoint."""
        for name, value in average.items():
            self.values[name].copy_(value)

    @contextmanager
    @torch.no_grad()
    def applied(self) -> Iterator[None]:
        """Use the average as the module's weights inside the context, and its own weights again after it."""
        own = {name: weight.clone() for name, weight in self.weights.items()}
        self._set(self.values)
        try:
            yield
        finally:
            self._set(own)

    def _set(self, values: Mapping[str, Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(values[name])
