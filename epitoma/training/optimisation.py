"""How weights are moved: Muon for the matrices of selector and classifier, AdamW for all else."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from epitoma.core.errors import ConfigError
from epitoma.training.muon import Muon

NARROWEST = 32
"""Sides of a matrix that Muon moves: what leads to a score or to a few classes is narrower, and AdamW's as is usual."""


@dataclass(kw_only=True)
class OptimisationConfig:
    """How weights are moved; the paper has Adam at a constant rate.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Videos of a step over all workers.
        accumulate: Parts of a step's videos that go through the networks one after the other, which takes less memory
            and changes no gradient but that of the target mode's penalty, for which each part stands by itself.
        optimizer: Of selector and classifier: ``muon`` for their matrices with AdamW for their vectors, or, as in the
            paper, ``adamw`` for both. LightNet and HeavyNet have AdamW.
        learning_rate: Of selector and classifier, where AdamW moves them.
        matrix_learning_rate: Of their matrices, where Muon does.
        network_learning_rate: Of LightNet and HeavyNet where they are fine-tuned.
        adam_epsilon: Adam's epsilon.
        weight_decay: Decoupled weight decay.
        schedule: ``cosine`` falls to 0 over the run; ``constant`` stays.
        gradient_norm: Gradients are clipped to this norm.
        validate_every: Epochs between validations; the last epoch is always validated.
        patience: Validations without a better score after which training ends; None goes on to the last epoch.
        checkpoint_epochs: Epochs between checkpoints; the last epoch is always kept.
        mixed_precision: bfloat16 on a GPU.
        average: Decay of the average over steps whose weights are validated and kept, per step; 0 keeps those of the
            last step.
        imitation_weight: How much LightNet's guess at a timestep is drawn towards HeavyNet's.
    """

    epochs: int = 100
    batch_size: int = 32
    accumulate: int = 1
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = 1e-3
    matrix_learning_rate: float = 0.02
    network_learning_rate: float = 1e-4
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.1
    schedule: Literal["constant", "cosine"] = "cosine"
    gradient_norm: float = 5.0
    validate_every: int = 1
    patience: int | None = None
    checkpoint_epochs: int = 1
    mixed_precision: bool = True
    average: float = 0.99
    imitation_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "validate_every", "checkpoint_epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"optimisation.{name} must be at least 1, not {getattr(self, name)}")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"optimisation.patience must be at least 1, not {self.patience}")


def make_optimizers(
    head: Iterable[nn.Parameter], networks: Iterable[nn.Parameter], config: OptimisationConfig
) -> list[torch.optim.Optimizer]:
    """Optimisers for selector and classifier, and for the networks where they learn.

    Muon (Jordan et al. 2024) moves a matrix as far in all directions, also in those in which light features vary
    little, and small or rare evidence is there: gates need about half of the steps (``docs/selector.md``).
    """
    learnt = [parameter for parameter in head if parameter.requires_grad]
    matrices = [p for p in learnt if config.optimizer == "muon" and _is_hidden_matrix(p)]
    moved_by_muon = {id(matrix) for matrix in matrices}
    groups = [
        _group([p for p in learnt if id(p) not in moved_by_muon], config.learning_rate),
        _group([p for p in networks if p.requires_grad], config.network_learning_rate),
    ]
    adamw = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        eps=config.adam_epsilon,
        weight_decay=config.weight_decay,
    )
    if not matrices:
        return [adamw]
    rate = config.matrix_learning_rate
    return [adamw, Muon([_group(matrices, rate)], lr=rate, weight_decay=config.weight_decay)]


def set_learning_rate(
    optimizers: Sequence[torch.optim.Optimizer], config: OptimisationConfig, *, progress: float
) -> None:
    """Set the learning rate for where training is, 0 to 1."""
    if config.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * progress))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor


def _is_hidden_matrix(parameter: nn.Parameter) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= NARROWEST


def _group(parameters: list[nn.Parameter], learning_rate: float) -> dict:
    return {"params": parameters, "lr": learning_rate, "initial_lr": learning_rate}
