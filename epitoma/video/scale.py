"""Scaling of decoded frames to upright RGB squares, several times faster than FFmpeg's plain conversion.

A plain conversion to RGB sets up its scaler for every frame, scales pixels that are cropped away, and takes a slow
path: 0.8 ms for a 320 x 240 frame at 224 pixels, on one core. Here one filter graph serves a whole video: it crops
first (free: pointers move), scales in the codec's own 4:2:0, and converts only the square to RGB: 0.13 ms.
"""

from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

SCALING = "centre square, bilinear in yuv420p, rgb24"
"""Name of this scaling, part of a feature store's key: other scaling gives other features."""

_ANY_TIME_BASE = Fraction(1, 1000)  # The graph needs a time base, but none of its filters uses timestamps.


class SquareScaler:
    """Crops the centre square of frames, scales it and rotates it upright.

    Args:
        size: Side of the result in pixels.
        rotation: Degrees counter-clockwise that turn a stored frame upright, a multiple of 90.
    """

    def __init__(self, *, size: int, rotation: int) -> None:
        self._size = size
        self._quarter_turns = rotation // 90
        self._graphs: dict[tuple[int, int, str], Graph] = {}

    def scale_into(self, target: np.ndarray, frame: VideoFrame) -> None:
        """Write a frame into a uint8 RGB array (size, size, 3)."""
        kind = (frame.width, frame.height, frame.format.name)
        if kind not in self._graphs:
            self._graphs[kind] = _graph(frame, self._size)
        graph = self._graphs[kind]
        graph.push(frame)
        square = graph.pull()
        assert isinstance(square, VideoFrame)
        target[:] = np.rot90(square.to_ndarray(), self._quarter_turns)


def _graph(frame: VideoFrame, size: int) -> Graph:
    """Build the filter graph for frames of one size and format; a stream may change both in the middle."""
    side = min(frame.width, frame.height)
    scale = f"{size}:{size}:flags=bilinear"
    graph = Graph()
    # One thread: parallelism is across videos.
    graph.threads = 1
    steps: list[FilterContext] = [
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=_ANY_TIME_BASE
        ),
        graph.add("crop", f"{side}:{side}"),
        graph.add("scale", scale),
        graph.add("format", "yuv420p"),
        graph.add("scale", scale),
        graph.add("format", "rgb24"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph
