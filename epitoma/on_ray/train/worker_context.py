"""A training worker of Ray Train as the loop sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.train.torch import get_device
from torch import Tensor, nn
from torch.distributed import all_gather_object, all_reduce
from torch.nn.parallel import DistributedDataParallel

from epitoma.training.checkpoint_folder import CheckpointFolder
from epitoma.training.events import Event, VideoRejected


class RayContext:
    """A training worker of Ray Train as the loop sees it.

    Checkpoints are ours and not Ray Train's: that one copies a folder file by file, and knows of it only when its
    controller has asked the next time, so that a worker's death can cost one more checkpoint.

    Args:
        board: Where events go.
        checkpoints: Of the run, on storage that all workers share.
    """

    def __init__(self, board: Any, checkpoints: CheckpointFolder) -> None:
        context = ray.train.get_context()
        self.rank = context.get_world_rank()
        self.world_size = context.get_world_size()
        self.device = get_device()
        self.node = ray.get_runtime_context().get_node_id()
        self.board = board
        self.checkpoints = checkpoints
        self._answer: ray.ObjectRef | None = None

    def wrap(self, model: nn.Module) -> nn.Module:
        """Average gradients over workers."""
        if self.world_size == 1:
            return model
        return DistributedDataParallel(
            model, device_ids=[self.device] if self.device.type == "cuda" else None
        )

    def sum(self, value: Tensor) -> Tensor:
        """Sum over workers."""
        total = value.detach().clone()
        if self.world_size > 1:
            all_reduce(total)
        return total

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value."""
        if self.world_size == 1:
            return [value]
        gathered: list[Any] = [None] * self.world_size
        all_gather_object(gathered, value)
        return gathered

    def emit(self, event: Event) -> None:
        """Send to the board; what all workers do alike is sent once, by the first of them."""
        if self.rank == 0 or isinstance(event, VideoRejected):
            answer = self.board.put.remote(event)
            # The oldest is waited for: of steps that take a moment the newest is never there yet.
            self._answer = self._answer or answer

    def is_to_stop(self) -> bool:
        """What the board last answered to the first worker, the same for all of them in the same step."""
        heard = torch.tensor(float(self._heard_stop()), device=self.device)
        return bool(self.sum(heard))

    def _heard_stop(self) -> bool:
        if self._answer is None or not ray.wait([self._answer], timeout=0)[0]:
            return False
        answer, self._answer = self._answer, None
        return ray.get(answer)

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Write as the first worker, and report what an epoch came to."""
        if self.rank == 0:
            self.checkpoints.write(place, fill)
        if metrics:
            ray.train.report(metrics)

    def saved(self) -> Path | None:
        """The checkpoint that the first worker finds the newest."""
        return self.gather(self.checkpoints.newest())[0]
