"""Shots: short clips shown one after the other, all at one frame rate and size.

Each clip is resampled to centre squares, LARGEST_ZOOM times larger than the output; a shot shows a window of them,
scaled to the output size, perhaps mirrored and with other colours. All clips are processed alike, so that only their
content tells where they come from. They are cropped and not padded, because the width of bars would reveal the source.
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
# Against rounding: a frame that starts at a tick is the one shown at that tick.
_EARLY_SECONDS = 1e-6
_CLIPS_IN_MEMORY = 16


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A whole clip, shown once.

    Attributes:
        path: Path of the clip.
        frame_count: Frames of the clip at the output's frame rate.
        zoom: Side of the clip over the side of the window, 1 to `LARGEST_ZOOM`.
        left: Horizontal place of the window, 0 at the left edge and 1 at the right one.
        top: Vertical place of the window, 0 at the upper edge and 1 at the lower one.
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
    """Draw a shot of a clip: random zoom, window, mirroring and colour factors."""
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
        VideoError: A clip cannot be read, or has another number of frames than its shot says.
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
    """Decode a whole clip at another frame rate, as upright centre squares.

    Returns:
        uint8 RGB (frames, size, size, 3).

    Raises:
        VideoError: The clip cannot be read, or some of its frames are damaged.
    """
    index = index_video(path)
    decoded = decode_requests(path, index, [FrameRequest(frame_indices=_frames_at(index, fps), size=size)])
    if decoded.replaced:
        raise VideoError(path, f"{decoded.replaced} of {decoded.wanted} frames are damaged")
    return decoded.pictures[0]


def frames_filled(duration_seconds: float, *, fps: int) -> int:
    """Number of frames of a clip at a frame rate, at least one."""
    return max(1, round(duration_seconds * fps))


def _frames_at(index: VideoIndex, fps: int) -> np.ndarray:
    """Index of the clip's frame that is on screen at every tick of the new frame rate."""
    ticks = np.arange(frames_filled(index.duration_seconds, fps=fps)) / fps
    seconds = (index.pts - index.pts[0]) * float(index.time_base)
    return np.searchsorted(seconds, ticks + _EARLY_SECONDS, side="right") - 1
