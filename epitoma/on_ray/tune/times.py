"""Times of networks and of decoding, measured by a worker, since a video may end or stall the process."""

from collections.abc import Sequence

import ray

from epitoma.core.errors import VideoError
from epitoma.cost.milliseconds import TimeModel, measure_times
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.one_video import read_on_worker
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
    shared, attempts = ray.put(networks), Attempts.start()
    *others, last = videos[:MOST_VIDEOS]
    for path in others:
        try:
            return read_on_worker(path, _measure, shared, candidates, attempts=attempts)
        except VideoError as error:
            say(f"  times are measured with another video, {error}")
    return read_on_worker(last, _measure, shared, candidates, attempts=attempts)


def _measure(path: str, networks: Networks, candidates: int) -> TimeModel:
    return measure_times(networks, path, candidates=candidates)
