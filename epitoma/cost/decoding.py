"""Cost of decoding: measured CPU milliseconds of decoding the frames that the networks need."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from epitoma.core.sampling import uniform_subset, uniform_timesteps
from epitoma.models.input_spec import InputSpec
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.two_pass import TwoPass

REPEATS = 3
"""Measurements of which the median is taken."""


@dataclass(frozen=True, kw_only=True)
class Passes:
    """What inference decodes of a video: the middle frames of all candidates, then the snippets of the kept ones.

    Attributes:
        candidates: Uniform candidate timesteps, T.
        kept: Number of kept timesteps, evenly spread here.
        light: Input of LightNet; None where there is no selector.
        heavy: Input of HeavyNet.
    """

    candidates: int
    kept: int
    light: InputSpec | None
    heavy: InputSpec


def decode_milliseconds(path: str | Path, passes: Passes) -> float:
    """CPU time of decoding one video as inference does it in milliseconds, the median of three measurements.

    Raises:
        VideoError: The video cannot be read.
    """
    index = index_video(path)
    two_pass = TwoPass(
        timesteps=passes.candidates,
        frames=passes.heavy.frames,
        light_size=passes.light.size if passes.light else None,
        heavy_size=passes.heavy.size,
    )
    return core_milliseconds(lambda: _decode_twice(two_pass, path, index, passes.kept))


def _decode_twice(two_pass: TwoPass, path: str | Path, index: VideoIndex, kept: int) -> None:
    timesteps = two_pass.candidates(index)
    first = two_pass.first_pass(path, index, timesteps, budget=kept)
    two_pass.snippets_of(first, path, index, timesteps, uniform_subset(two_pass.timesteps, kept))


def light_request(index: VideoIndex, *, candidates: int, light: InputSpec, heavy: InputSpec) -> FrameRequest:
    """Request for LightNet's frames: the middle frame of every candidate."""
    timesteps = uniform_timesteps(index.frame_count, count=candidates, frames_per_timestep=heavy.frames)
    return FrameRequest(frame_indices=timesteps.middle_frames_T, size=light.size)


def heavy_request(index: VideoIndex, *, candidates: int, kept: int, heavy: InputSpec) -> FrameRequest:
    """Request for HeavyNet's frames: the snippets of evenly spread candidates."""
    timesteps = uniform_timesteps(index.frame_count, count=candidates, frames_per_timestep=heavy.frames)
    chosen_TM = timesteps.frames_TM[uniform_subset(candidates, kept)]
    return FrameRequest(frame_indices=chosen_TM.reshape(-1), size=heavy.size)


def request_milliseconds(path: str | Path, index: VideoIndex, view: FrameRequest) -> float:
    """CPU time of decoding the requested frames of a video in milliseconds, the median of three measurements."""
    return core_milliseconds(lambda: decode_requests(path, index, [view]))


def core_milliseconds(work: Callable[[], object]) -> float:
    """CPU time of a function in milliseconds, the median of three measurements."""
    return median(_spent(work) for _ in range(REPEATS))


def _spent(work: Callable[[], object]) -> float:
    # CPU time of all threads, so that more cores do not make decoding look cheaper.
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e3
