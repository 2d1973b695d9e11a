"""What the training loop sees of the world around it: its place among workers, events out, checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from epitoma.training.checkpoint_folder import CheckpointFolder
from epitoma.training.events import Event


class TrainContext(Protocol):
    """One worker's surroundings.

    Attributes:
        rank: This worker's number, from 0.
        world_size: Number of workers.
        device: Where this worker computes.
        node: Name of the cluster's node that it is on; empty where there is no cluster.
    """

    rank: int
    world_size: int
    device: torch.device
    node: str

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with gradients averaged over workers."""
        ...

    def sum(self, value: Tensor) -> Tensor:
        """Sum over workers, without gradient."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, in order of rank."""
        ...

    def emit(self, event: Event) -> None:
        """Hand an event to whoever watches the run; never waits for an answer."""
        ...

    def is_to_stop(self) -> bool:
        """Whether the run is to end here, the same for all workers; asked once a step."""
        ...

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Keep a checkpoint; called by every worker, written by the first.

        Args:
            metrics: Of an epoch that has ended, for whoever follows the run; else empty.
            place: Epochs that are done, and steps of the next one.
            fill: Writes into the folder it is given.
        """
        ...

    def saved(self) -> Path | None:
        """The newest checkpoint of this run, the same for all workers; None where there is none."""
        ...


class LocalContext:
    """A single worker in this process, for tests and for sweeps over features."""

    rank = 0
    world_size = 1
    node = ""

    def __init__(self, folder: Path, *, device: torch.device | None = None) -> None:
        """Keep checkpoints in ``folder``; whatever lies there already is resumed from."""
        self.checkpoints = CheckpointFolder(folder)
        self.device = device or torch.device("cpu")
        self.events: list[Event] = []

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model itself."""
        return model

    def sum(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value.detach().clone()

    def gather(self, value: Any) -> list[Any]:
        """The only value."""
        return [value]

    def emit(self, event: Event) -> None:
        """Keep the event for whoever asks."""
        self.events.append(event)

    def is_to_stop(self) -> bool:
        """Never: whoever stops it stops the process."""
        return False

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Keep a checkpoint in the folder."""
        self.checkpoints.write(place, fill)

    def saved(self) -> Path | None:
        """The newest checkpoint, if anything was saved."""
        return self.checkpoints.newest()
