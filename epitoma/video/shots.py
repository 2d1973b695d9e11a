"""Shots: short clips shown one after the other at one rate and one size, whatever their own were.

Each clip is brought to squares a good deal larger than wanted, centre cut out; a shot shows a window of them,
scaled to what is wanted, perhaps mirrored and in another light. Every clip goes the same way, so that nothing but its
content tells where it came from. The centre is cut out rather than bars added, because the width of the bars
would name the source.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from epitoma.core.errors import VideoError
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.scale import SquareScaler

LARGEST_ZOOM = 1.6
"""Side of a clip's frames over the side of the smallest window that a shot shows of them."""
_LIGHT = (0.75, 1.3)
_EARLY_SECONDS = 1e-6
_CLIPS_IN_MEMORY = 16


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One showing of a whole clip.

    Attributes:
        path: The clip.
        frame_count: Frames that it fills.
        zoom: Side of the clip over the side of the window, 1 to `LARGEST_ZOOM`.
        left: Place of the window across, 0 at the left edge and 1 at the right one.
        top: Place of the window down, 0 at the upper edge and 1 at the lower one.
        mirrored: Whether left and right are swapped.
        light: Factors on red, green and blue.
    """

    path: str
    frame_count: int
    zoom: float = 1.0
    left: float = 0.5
    top: float = 0.5
    mirrored: bool = False
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)


def random_shot(rng: np.random.Generator, path: str, *, frame_count: int) -> Shot:
    """A way to show a clip: zoom, place, side and light at random."""
    left, top, coin = rng.uniform(size=3).tolist()
    red, green, blue = (rng.uniform(*_LIGHT) * rng.uniform(*_LIGHT, size=3)).tolist()
    return Shot(
        path=path,
        frame_count=frame_count,
        zoom=rng.uniform(1.0, LARGEST_ZOOM),
        left=left,
        top=top,
        mirrored=coin < 0.5,
        light=(red, green, blue),
    )


def shot_frames(shots: Iterable[Shot], *, fps: int, size: int) -> Iterator[np.ndarray]:
    """Yield the frames of shots one after the other, uint8 RGB (size, size, 3).

    Raises:
        VideoError: A clip cannot be read, or has not as many frames as its shot says.
    """
    side = round(size * LARGEST_ZOOM)
    read = lru_cache(_CLIPS_IN_MEMORY)(lambda path: resampled_clip(path, fps=fps, size=side))
    scaler = SquareScaler(size=size, rotation=0)
    for shot in shots:
        clip = read(shot.path)
        if len(clip) != shot.frame_count:
            raise VideoError(
                shot.path, f"fills {len(clip)} frames and not {shot.frame_count}: it has changed"
            )
        yield from _shown(clip, shot, scaler, size)


def _shown(clip: np.ndarray, shot: Shot, scaler: SquareScaler, size: int) -> Iterator[np.ndarray]:
    side = clip.shape[1]
    window = round(side / shot.zoom)
    left, top = round(shot.left * (side - window)), round(shot.top * (side - window))
    brighter_3X = np.clip(np.outer(shot.light, np.arange(256)).round(), 0, 255).astype(np.uint8)
    for frame in clip[:, top : top + window, left : left + window]:
        scaled = np.empty((size, size, 3), np.uint8)
        scaler.scale_into(scaled, VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"))
        lit = np.stack([table[scaled[..., colour]] for colour, table in enumerate(brighter_3X)], axis=-1)
        yield lit[:, ::-1] if shot.mirrored else lit


def resampled_clip(path: str | Path, *, fps: int, size: int) -> np.ndarray:
    """All of a clip at another rate and size: short side scaled, centre cut out, upright.

    Returns:
        uint8 RGB (frames, size, size, 3).

    Raises:
        VideoError: The clip cannot be read, or not whole.
    """
    index = index_video(path)
    decoded = decode_requests(path, index, [FrameRequest(frame_indices=_frames_at(index, fps), size=size)])
    if decoded.replaced:
        raise VideoError(path, f"{decoded.replaced} of {decoded.wanted} frames are damaged")
    return decoded.pictures[0]


def frames_filled(duration_seconds: float, *, fps: int) -> int:
    """Frames that a clip fills at a rate; the shortest fills one."""
    return max(1, round(duration_seconds * fps))


def _frames_at(index: VideoIndex, fps: int) -> np.ndarray:
    """The clip's own frame that is on screen at every tick of the new rate."""
    ticks = np.arange(frames_filled(index.duration_seconds, fps=fps)) / fps
    seconds = (index.pts - index.pts[0]) * float(index.time_base)
    return np.searchsorted(seconds, ticks + _EARLY_SECONDS, side="right") - 1
