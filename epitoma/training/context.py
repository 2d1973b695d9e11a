"""Context of a training worker: its rank and device, collectives, events and checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from epitoma.training.checkpoint_folder import CheckpointFolder
from epitoma.training.events import Event


class TrainContext(Protocol):
    """Interface between the training loop on one worker and what runs it.

    Attributes:
        rank: This worker's number, from 0.
        world_size: Number of workers.
        device: Device that this worker computes on.
        node: Id of this worker's node in the cluster; empty without a cluster.
    """

    rank: int
    world_size: int
    device: torch.device
    node: str

    def wrap(self, model: nn.Module) -> nn.Module:
        """Wrap the model so that backward averages gradients over workers."""
        ...

    def sum(self, value: Tensor) -> Tensor:
        """Sum a tensor over workers, without gradient; all workers must call it."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """Collect every worker's value, in order of rank; all workers must call it."""
        ...

    def emit(self, event: Event) -> None:
        """Send an event to the run's watcher, without waiting for it."""
        ...

    def should_stop(self) -> bool:
        """Whether the run should stop here, the same for all workers; called once per step."""
        ...

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Save a checkpoint; called by every worker, written by rank 0.

        Args:
            metrics: Metrics of an epoch that has ended, to report; empty within an epoch.
            place: (epochs that are done, steps of the next one that are done).
            fill: Writes the checkpoint into the folder it is given.
        """
        ...

    def saved(self) -> Path | None:
        """The newest checkpoint of this run, the same for all workers; None if there is none."""
        ...


class LocalContext:
    """A single worker in this process, for tests and for sweeps over features."""

    rank = 0
    world_size = 1
    node = ""

    def __init__(self, folder: Path, *, device: torch.device | None = None) -> None:
        """Save checkpoints in ``folder``, and resume from the newest that it has already."""
        self.checkpoints = CheckpointFolder(folder)
        self.device = device or torch.device("cpu")
        self.events: list[Event] = []

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model itself."""
        return model

    def sum(self, value: Tensor) -> Tensor:
        """Return a detached copy of the value."""
        return value.detach().clone()

    def gather(self, value: Any) -> list[Any]:
        """Return the only worker's value."""
        return [value]

    def emit(self, event: Event) -> None:
        """Append the event to ``events``."""
        self.events.append(event)

    def should_stop(self) -> bool:
        """Return False: to stop the run, stop this process."""
        return False

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Save a checkpoint in the folder."""
        self.checkpoints.write(place, fill)

    def saved(self) -> Path | None:
        """The newest checkpoint; None if there is none."""
        return self.checkpoints.newest()
