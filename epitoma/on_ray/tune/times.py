"""Times of networks and of decoding, measured by a worker, since a video may end or stall the process."""

from collections.abc import Sequence

import ray

from epitoma.core.errors import VideoError
from epitoma.cost.milliseconds import TimeModel, measure_times
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.cluster.parallel import result_of
from epitoma.on_ray.cluster.placement import task_for
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.reporting.console import say

MOST_VIDEOS = 3
"""Videos to try: their features were read before, so that one hardly ever fails."""


def times_on_worker(networks: Networks, videos: Sequence[str], *, candidates: int) -> TimeModel:
    """Measure times on one core of a node for decoding, with the first of a few videos that can be read.

    Args:
        networks: The networks.
        videos: Paths of videos, at least one.
        candidates: Largest number of candidates to measure.

    Raises:
        VideoError: None of the first videos can be read; says the last one's reason.
    """
    # Without end, because nodes come and go; a video that ends its worker is given up by `attempts`.
    task, attempts = task_for("decode", _measure, max_retries=-1), Attempts.start()
    shared = ray.put(networks)
    *others, last = videos[:MOST_VIDEOS]
    for path in others:
        try:
            return result_of(task.remote(path, shared, candidates, attempts))
        except VideoError as error:
            say(f"  times are measured with another video, {error}")
    return result_of(task.remote(last, shared, candidates, attempts))


def _measure(path: str, networks: Networks, candidates: int, attempts: Attempts) -> TimeModel:
    return attempts.read_or_raise(
        "times", path, path, lambda: measure_times(networks, path, candidates=candidates)
    )
