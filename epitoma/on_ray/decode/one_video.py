"""Work on one video in a worker, since a video may end or stall the process that reads it."""

from collections.abc import Callable
from typing import Any, TypeVar

from epitoma.on_ray.cluster.parallel import result_of
from epitoma.on_ray.cluster.placement import Role, task_for
from epitoma.on_ray.decode.attempts import Attempts

Result = TypeVar("Result")


def read_on_worker(
    path: str,
    work: Callable[..., Result],
    *arguments: Any,
    role: Role = "decode",
    gpus: int = 0,
    attempts: Attempts | None = None,
) -> Result:
    """Do work on a video whose loss is the job's end, on a node for a role.

    Args:
        path: Path or address of the video.
        work: Called with the path and the arguments.
        arguments: What it takes beside the path; references to Ray's objects are resolved.
        role: Role of the node.
        gpus: GPUs that the work has.
        attempts: Gives the video up if it ends the processes that read it; None begins to count here.

    Raises:
        VideoError: The video has ended or stalled every process that read it, or the work raised it.
    """
    # Without end, because nodes come and go; a video that ends its worker is given up by `attempts`.
    task = task_for(role, _read, max_retries=-1, gpus=gpus)
    return result_of(task.remote(path, work, attempts or Attempts.start(), *arguments))


def _read(path: str, work: Callable[..., Result], attempts: Attempts, *arguments: Any) -> Result:
    return attempts.read_or_raise(work.__name__, path, path, lambda: work(path, *arguments))
