"""Choosing candidate timesteps of a video by time alone: uniform, or at random."""

import hashlib

import numpy as np

from epitoma.core.timesteps import Timesteps


def uniform_timesteps(frame_count: int, *, count: int, frames_per_timestep: int) -> Timesteps:
    """Snippets in the middle of ``count`` equal parts of the video; a short video repeats timesteps."""
    places = _places(frame_count, frames_per_timestep)
    starts = np.floor((np.arange(count) + 0.5) * places / count).astype(np.int64)
    return Timesteps(starts_T=starts, frames_per_timestep=frames_per_timestep, frame_count=frame_count)


def random_timesteps(
    frame_count: int, *, count: int, frames_per_timestep: int, rng: np.random.Generator
) -> Timesteps:
    """Snippets at random distinct places, in order of time; a short video repeats timesteps."""
    places = _places(frame_count, frames_per_timestep)
    starts = np.sort(rng.choice(places, size=count, replace=places < count)).astype(np.int64)
    return Timesteps(starts_T=starts, frames_per_timestep=frames_per_timestep, frame_count=frame_count)


def uniform_subset(total: int, count: int) -> np.ndarray:
    """Positions of ``count`` of ``total`` candidates, in the middle of equal parts."""
    return np.floor((np.arange(count) + 0.5) * total / count).astype(np.int64)


def stable_seed(*parts: int | str) -> int:
    """A 63-bit seed that is the same in every process and on every machine (``hash(str)`` is not)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _places(frame_count: int, frames_per_timestep: int) -> int:
    return max(1, frame_count - frames_per_timestep + 1)
