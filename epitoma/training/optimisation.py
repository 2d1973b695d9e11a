"""Optimisers: Muon for the matrices of selector and classifier, AdamW for all other weights."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from epitoma.core.errors import ConfigError
from epitoma.training.muon import Muon

NARROWEST = 32
"""Smallest side of a matrix for Muon: narrower ones are output layers to a score or a few classes, usually AdamW's."""


@dataclass(kw_only=True)
class OptimisationConfig:
    """How weights are optimised; the paper uses Adam at a constant rate.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Videos of a step over all workers.
        accumulate: Parts into which a step's videos are split for forward and backward passes, which takes less memory.
            It changes no gradient but that of the penalty in target mode, which is computed for each part by itself.
        optimizer: Optimiser of selector and classifier: ``muon`` for their matrices with AdamW for all else, or, as in
            the paper, ``adamw`` for all. LightNet and HeavyNet always use AdamW.
        learning_rate: Learning rate of selector and classifier, where AdamW optimises them.
        matrix_learning_rate: Learning rate of their matrices, where Muon optimises them.
        network_learning_rate: Learning rate of LightNet and HeavyNet where they are fine-tuned.
        adam_epsilon: Adam's epsilon.
        weight_decay: Decoupled weight decay.
        schedule: Learning rate over the run: ``cosine`` falls to 0, ``constant`` does not change.
        gradient_norm: Gradients are clipped to this norm.
        validate_every: Epochs between validations; the last epoch is always validated.
        patience: Validations without a better score after which training ends; None trains to the last epoch.
        checkpoint_epochs: Epochs between checkpoints; the last epoch always has one.
        mixed_precision: bfloat16 on a GPU.
        average: Decay per step of the weight average that is validated and kept; 0 keeps the weights of the last step.
        imitation_weight: Weight in the loss of the distance between LightNet's and HeavyNet's frame logits.
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

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """Context for forward passes: bfloat16 autocast on a GPU with ``mixed_precision``, else nothing."""
        if device.type == "cuda" and self.mixed_precision:
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()


def make_optimizers(
    head: Iterable[nn.Parameter], networks: Iterable[nn.Parameter], config: OptimisationConfig
) -> list[torch.optim.Optimizer]:
    """Make the optimisers of selector and classifier, and of the networks where these are trained.

    Muon (Jordan et al. 2024) updates a matrix equally far in all directions, also in those in which light features
    vary little. Small or rare evidence lies there, and gates need about half of the steps (``docs/selector.md``).

    Args:
        head: Parameters of selector and classifier; those that do not require a gradient are left out.
        networks: Parameters of LightNet and HeavyNet; likewise.
        config: Learning rates, weight decay and choice of optimiser.
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
    """Set the learning rate of the schedule at this share of the run, 0 to 1."""
    if config.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * progress))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor


def _is_hidden_matrix(parameter: nn.Parameter) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= NARROWEST


def _group(parameters: list[nn.Parameter], learning_rate: float) -> dict:
    return {"params": parameters, "lr": learning_rate, "initial_lr": learning_rate}
