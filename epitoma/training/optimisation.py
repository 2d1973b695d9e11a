"""Optimisation: Adam at one constant rate, as in the paper; the networks have a rate of their own."""

from dataclasses import dataclass

import torch

from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import VideoEpitoma

_MOST_RATE = 1e30
"""Above it Adam's own numbers overflow."""


@dataclass(kw_only=True)
class OptimisationConfig:
    """How weights are optimised.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Videos of a step over all workers.
        accumulate: Parts into which a step's videos are split for forward and backward passes, which takes less memory.
            It changes no gradient but that of the penalty in target mode, and those behind live batch normalisation:
            both are computed for each part by itself.
        learning_rate: Learning rate of selector and classifier.
        network_learning_rate: Learning rate of LightNet and HeavyNet from pixels; 0 freezes them.
        adam_epsilon: Adam's epsilon.
        gradient_norm: Gradients are clipped to this norm, those of the head, LightNet and HeavyNet each by themselves;
            None does not, as in the paper.
        validate_every: Epochs between validations, each with a checkpoint; the last epoch always has both.
        patience: Validations without a better score, nor with an L0 weight fewer timesteps kept, after which training
            ends; None trains to the last epoch.
    """

    epochs: int = 100
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-3
    network_learning_rate: float = 1e-4
    adam_epsilon: float = 1e-8
    gradient_norm: float | None = 5.0
    validate_every: int = 1
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"optimisation.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "network_learning_rate"):
            if not 0 <= getattr(self, name) <= _MOST_RATE:
                raise ConfigError(
                    f"optimisation.{name} must be at least 0 and at most {_MOST_RATE:g}, not {getattr(self, name)}"
                )
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"optimisation.patience must be at least 1, not {self.patience}")


def make_optimizer(model: VideoEpitoma, config: OptimisationConfig) -> torch.optim.Optimizer:
    """Make the optimiser of selector and classifier, and of the networks where these are trained.

    Args:
        model: The model; parameters that do not require a gradient are left out.
        config: Learning rates.
    """
    rates = (
        (model.head_parameters(), config.learning_rate),
        (model.network_parameters(), config.network_learning_rate),
    )
    groups = [
        {"params": [each for each in parameters if each.requires_grad], "lr": rate}
        for parameters, rate in rates
    ]
    return torch.optim.Adam([group for group in groups if group["params"]], eps=config.adam_epsilon)
