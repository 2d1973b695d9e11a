"""Config of the training loop, and the position of a step in a run."""

from dataclasses import dataclass

from epitoma.training.batch import SelectionName
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig


@dataclass(kw_only=True)
class LoopConfig:
    """Options of the training loop and its parts.

    Attributes:
        optimisation: Optimiser, learning rates, epochs and batch size.
        sparsity: How many timesteps gates should leave open.
        selection: How timesteps are selected in training (see :class:`TrainConfig`).
        timesteps: Candidate timesteps at inference, T.
        loss: Name of the loss; None takes the one for the dataset's labels.
        multi_label: Whether videos may have several labels.
        seed: Seed of everything random.
        checkpoint_steps: Optimiser steps between checkpoints, beside those of validations; None saves at these only.
        keep_start: Validate the model before the first epoch too, and keep it if no epoch is better: for a run that
            starts from another run's model.
    """

    optimisation: OptimisationConfig
    sparsity: SparsityConfig
    selection: SelectionName
    timesteps: int
    loss: str | None = None
    multi_label: bool
    seed: int
    checkpoint_steps: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Counts the steps of a run.

    Attributes:
        epochs: Epochs of the run.
        steps_per_epoch: Optimiser steps per epoch, the same for every worker.
    """

    epochs: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def number(self, epoch: int, step: int) -> int:
        """Optimiser steps since the start of the run."""
        return epoch * self.steps_per_epoch + step
