"""What the training loop and its parts need to know beside the model."""

from dataclasses import dataclass

from epitoma.training.batch import SelectionName
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig


@dataclass(kw_only=True)
class LoopConfig:
    """What the loop needs to know beside the model.

    Attributes:
        optimisation: How weights are moved.
        sparsity: How many timesteps gates should leave open.
        selection: Whose choice of timesteps trains (see :class:`TrainConfig`).
        timesteps: Candidate timesteps at inference, T.
        multi_label: Whether videos may have several labels.
        seed: Seed of everything random.
        checkpoint_steps: Optimiser steps between checkpoints within an epoch; None keeps none there.
        keep_start: The model as it is before the first epoch is validated too, and kept if nothing after it is
            better: for a run that goes on with another run's model.
    """

    optimisation: OptimisationConfig
    sparsity: SparsityConfig
    selection: SelectionName
    timesteps: int
    multi_label: bool
    seed: int
    checkpoint_steps: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How far a run is at a step.

    Attributes:
        epochs: Of the run.
        steps_per_epoch: Optimiser steps of each, the same for every worker.
    """

    epochs: int
    steps_per_epoch: int

    def number(self, epoch: int, step: int) -> int:
        """Steps of the whole run that are done."""
        return epoch * self.steps_per_epoch + step

    def share_done(self, epoch: int, step: int) -> float:
        """Share of the whole run that is done, 0 to 1."""
        return (epoch + step / self.steps_per_epoch) / self.epochs
