"""Weight averaging: a moving average of the weights generalises better than the weights of any one step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a module's trainable weights.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992); the shorter memory of
    the first steps is that of TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        """Average from the module's present weights; with a decay of 0 there is nothing to average or to keep."""
        self.decay = decay
        self.weights = {
            name: each for name, each in module.named_parameters() if each.requires_grad and decay > 0
        }
        self.average = {name: each.detach().clone() for name, each in self.weights.items()}

    @torch.no_grad()
    def update(self, *, steps: int) -> None:
        """Take in the weights as they are after so many steps."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for name, weight in self.weights.items():
            self.average[name].lerp_(weight, 1 - decay)

    def go_on_from(self, average: Mapping[str, Tensor]) -> None:
        """Go on with an average that was kept."""
        for name, value in average.items():
            self.average[name].copy_(value)

    @contextmanager
    @torch.no_grad()
    def applied(self) -> Iterator[None]:
        """The module has the average for its weights meanwhile."""
        own = {name: weight.clone() for name, weight in self.weights.items()}
        self._set(self.average)
        try:
            yield
        finally:
            self._set(own)

    def _set(self, values: Mapping[str, Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(values[name])
