"""Optimisers: Muon for the matrices of selector and classifier, AdamW for all other weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import torch
from torch import nn

from epitoma.core.errors import ConfigError
from epitoma.models.roles import FusedLinear, ScoreLayer
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.muon import Muon


@dataclass(kw_only=True)
class OptimisationConfig:
    """How weights are optimised; the paper uses Adam at a constant rate.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Videos of a step over all workers.
        accumulate: Parts into which a step's videos are split for forward and backward passes, which takes less memory.
            It changes no gradient but that of the penalty in target mode, which is computed for each part by itself.
        optimizer: Optimiser of selector and classifier: ``muon`` for their hidden matrices with AdamW for all else, or,
            as in the paper, ``adamw`` for all. LightNet and HeavyNet always use AdamW.
        learning_rate: Learning rate of selector and classifier, where AdamW optimises them.
        matrix_learning_rate: Learning rate of their matrices, where Muon optimises them.
        network_learning_rate: Learning rate of LightNet and HeavyNet from pixels; 0 freezes them.
        adam_epsilon: Adam's epsilon.
        weight_decay: Decoupled weight decay; norms and biases have none.
        schedule: Learning rate over the run: ``cosine`` falls to 0, ``constant`` does not change.
        gradient_norm: Gradients are clipped to this norm, those of the head, LightNet and HeavyNet each by themselves;
            None does not, as in the paper.
        validate_every: Epochs between validations, each with a checkpoint; the last epoch always has both.
        patience: Validations without a better score after which training ends; None trains to the last epoch.
        average: Decay per step of the weight average that is validated and kept; 0 keeps the weights of the last step.
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
    gradient_norm: float | None = 5.0
    validate_every: int = 1
    patience: int | None = None
    average: float = 0.99

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"optimisation.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "matrix_learning_rate", "network_learning_rate"):
            if getattr(self, name) < 0:
                raise ConfigError(f"optimisation.{name} must be at least 0, not {getattr(self, name)}")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"optimisation.patience must be at least 1, not {self.patience}")


def make_optimizers(model: VideoEpitoma, config: OptimisationConfig) -> list[torch.optim.Optimizer]:
    """Make the optimisers of selector and classifier, and of the networks where these are trained.

    Muon (Jordan et al. 2024) updates a matrix equally far in all directions, also in those in which light features
    vary little. Small or rare evidence lies there, and gates need about half of the steps (``docs/selector.md``).
    Parameters that do not require a gradient are left out. Norms and biases are not decayed.

    Args:
        model: The model.
        config: Learning rates, weight decay and choice of optimiser.
    """
    matrices = hidden_matrices(model) if config.optimizer == "muon" else {}
    head = [each for each in model.head_parameters() if each.requires_grad and each not in matrices]
    networks = [each for each in model.network_parameters() if each.requires_grad]
    groups = [
        *_groups(head, config.learning_rate, config.weight_decay),
        *_groups(networks, config.network_learning_rate, config.weight_decay),
    ]
    adamw = torch.optim.AdamW(groups, eps=config.adam_epsilon)
    if not matrices:
        return [adamw]
    rate = config.matrix_learning_rate
    alike = {
        parts: [each for each, count in matrices.items() if count == parts] for parts in matrices.values()
    }
    fused = [{**_group(alike[parts], rate), "parts": parts} for parts in sorted(alike)]
    return [adamw, Muon(fused, lr=rate, weight_decay=config.weight_decay)]


def hidden_matrices(model: VideoEpitoma) -> dict[nn.Parameter, int]:
    """Trained matrices between hidden layers of selector and classifier, and how many are fused in each.

    Which they are is a matter of role and not of shape: output layers to many classes are as large.
    """
    found: dict[nn.Parameter, int] = {}
    for module in chain(model.selector.modules(), model.classifier.modules()):
        if isinstance(module, ScoreLayer | nn.Embedding):
            continue
        own = [each for each in module.parameters(recurse=False) if each.ndim == 2 and each.requires_grad]
        found |= dict.fromkeys(own, _fused(module))
    return found


def set_learning_rate(
    optimizers: Sequence[torch.optim.Optimizer], config: OptimisationConfig, *, progress: float
) -> None:
    """Set the learning rate of the schedule at this share of the run, 0 to 1."""
    if config.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * progress))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor


def _fused(module: nn.Module) -> int:
    """How many matrices are side by side in those of a module."""
    if isinstance(module, FusedLinear):
        return module.parts
    return 3 if isinstance(module, nn.MultiheadAttention) else 1


def _groups(parameters: list[nn.Parameter], learning_rate: float, weight_decay: float) -> list[dict]:
    """Groups of AdamW: matrices and kernels are decayed, norms and biases are not."""
    decayed = [each for each in parameters if each.ndim > 1]
    rest = [each for each in parameters if each.ndim <= 1]
    groups = [
        {**_group(decayed, learning_rate), "weight_decay": weight_decay},
        {**_group(rest, learning_rate), "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _group(parameters: list[nn.Parameter], learning_rate: float) -> dict:
    return {"params": parameters, "lr": learning_rate, "initial_lr": learning_rate}
