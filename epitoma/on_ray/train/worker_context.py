"""TrainContext of a Ray Train worker: collectives, events and checkpoints."""

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
from epitoma.training.events import Event, VideoDamaged, VideoRejected


class RayContext:
    """TrainContext of a Ray Train worker.

    Checkpoints are written here and not by Ray Train, which copies a folder file by file and registers it only at its
    controller's next poll, so that a worker that dies can lose one more checkpoint.

    Args:
        board: Actor that events are sent to.
        checkpoints: Folder of the run's checkpoints, on storage that all workers share.
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
        """Wrap the model so that backward averages gradients over workers."""
        if self.world_size == 1:
            return model
        # Not by Ray Train's `prepare_model`: it would also move the model, which the loop does itself.
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
        """Every worker's value, in order of rank."""
        if self.world_size == 1:
            return [value]
        gathered: list[Any] = [None] * self.world_size
        all_gather_object(gathered, value)
        return gathered

    def emit(self, event: Event) -> None:
        """Send an event to the board; events that all workers emit alike are sent by rank 0 only.

        What happens to a video is seen by the one worker that has it.
        """
        if self.rank == 0 or isinstance(event, VideoRejected | VideoDamaged):
            answer = self.board.put.remote(event)
            # Keep the oldest pending result: with short steps the newest is never ready when it is checked.
            self._answer = self._answer or answer

    def should_stop(self) -> bool:
        """Whether the board has told rank 0 to stop; summed over workers, so that all stop in the same step."""
        heard = torch.tensor(float(self._heard_stop()), device=self.device)
        return bool(self.sum(heard))

    def _heard_stop(self) -> bool:
        if self._answer is None or not ray.wait([self._answer], timeout=0)[0]:
            return False
        answer, self._answer = self._answer, None
        return ray.get(answer)

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Write a checkpoint on rank 0, and report an epoch's metrics to Ray Train."""
        if self.rank == 0:
            self.checkpoints.write(place, fill)
        if metrics:
            ray.train.report(metrics)

    def saved(self) -> Path | None:
        """The newest checkpoint that rank 0 finds, so that all workers resume from the same."""
        return self.gather(self.checkpoints.newest())[0]
