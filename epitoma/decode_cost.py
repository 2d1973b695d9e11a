"""What decoding costs beside the networks: milliseconds of one core, measured."""

import time
from pathlib import Path
from statistics import median

from epitoma.models.input_spec import InputSpec
from epitoma.sampling import uniform_subset, uniform_timesteps
from epitoma.video.decode import View, decode_views
from epitoma.video.index import VideoIndex, index_video

REPEATS = 3


def decode_milliseconds(
    path: Path, *, candidates: int, kept: int, light: InputSpec | None, heavy: InputSpec
) -> float:
    """Measure the decoding of one video as inference does it: middle frames first, then the kept snippets.

    Args:
        path: The video.
        candidates: Uniform timesteps, T.
        kept: How many of them HeavyNet sees; evenly spread ones here.
        light: What LightNet wants to see of every candidate; None where nothing is selected.
        heavy: What HeavyNet wants to see of the kept ones.

    Returns:
        CPU time, the median of a few.

    Raises:
        VideoError: The video cannot be read.
    """
    index = index_video(path)
    passes = [light_view(index, candidates=candidates, light=light, heavy=heavy)] if light else []
    passes.append(heavy_view(index, candidates=candidates, kept=kept, heavy=heavy))
    return view_milliseconds(path, index, passes)


def light_view(index: VideoIndex, *, candidates: int, light: InputSpec, heavy: InputSpec) -> View:
    """What LightNet sees: the middle frame of every candidate."""
    timesteps = uniform_timesteps(index.frame_count, count=candidates, frames_per_timestep=heavy.frames)
    return View(frame_indices=timesteps.middle_frames_T, size=light.size)


def heavy_view(index: VideoIndex, *, candidates: int, kept: int, heavy: InputSpec) -> View:
    """What HeavyNet sees: the snippets of evenly spread candidates."""
    timesteps = uniform_timesteps(index.frame_count, count=candidates, frames_per_timestep=heavy.frames)
    chosen_TM = timesteps.frames_TM[uniform_subset(candidates, kept)]
    return View(frame_indices=chosen_TM.reshape(-1), size=heavy.size)


def view_milliseconds(path: str | Path, index: VideoIndex, passes: list[View]) -> float:
    """CPU time of passes over a video one after the other, the median of a few."""
    return median(_milliseconds(path, index, passes) for _ in range(REPEATS))


def _milliseconds(path: str | Path, index: VideoIndex, passes: list[View]) -> float:
    started = time.process_time()
    for view in passes:
        decode_views(path, index, [view])
    return (time.process_time() - started) * 1e3
