"""Uniform and random sampling of candidate timesteps, and seeds that are equal on every machine."""

import hashlib

import numpy as np

from epitoma.core.timesteps import Timesteps


def uniform_timesteps(frame_count: int, *, count: int, frames_per_timestep: int) -> Timesteps:
    """Sample one snippet in the middle of each of ``count`` equal parts; a short video repeats timesteps."""
    places = _places(frame_count, frames_per_timestep)
    starts = np.floor((np.arange(count) + 0.5) * places / count).astype(np.int64)
    return Timesteps(starts_T=starts, frames_per_timestep=frames_per_timestep, frame_count=frame_count)


def random_timesteps(
    frame_count: int, *, count: int, frames_per_timestep: int, rng: np.random.Generator
) -> Timesteps:
    """Sample snippets at random distinct places, in order of time; a short video repeats timesteps."""
    places = _places(frame_count, frames_per_timestep)
    starts = np.sort(rng.choice(places, size=count, replace=places < count)).astype(np.int64)
    return Timesteps(starts_T=starts, frames_per_timestep=frames_per_timestep, frame_count=frame_count)


def uniform_subset(total: int, count: int) -> np.ndarray:
    """Positions of ``count`` of ``total`` candidates, each in the middle of one of ``count`` equal parts, int64."""
    return np.floor((np.arange(count) + 0.5) * total / count).astype(np.int64)


def stable_seed(*parts: int | str) -> int:
    """Hash values to a 63-bit seed that is equal in every process and on every machine, unlike ``hash(str)``."""
    # Joined by a separator, so that ("a", "bc") and ("ab", "c") give different seeds.
    text = "\x1f".join(str(part) for part in parts)
    # 63 bits fit into a signed int64, the type of the seed column of schedules.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _places(frame_count: int, frames_per_timestep: int) -> int:
    """Number of first frames at which a whole snippet fits; at least 1, for videos shorter than a snippet."""
    return max(1, frame_count - frames_per_timestep + 1)
