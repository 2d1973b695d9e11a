"""Films under the names that cameras, discs and old programs give them, made with PyAV."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

NAMES = {
    "camera.MTS": ("mpegts", "libx264"),
    "camera.m2ts": ("mpegts", "libx264"),
    "old.wmv": ("asf", "wmv2"),
    "old.flv": ("flv", "flv"),
    "phone.3gp": ("3gp", "libx264"),
    "tape.dv": ("dv", "dvvideo"),
    "short.gif": ("gif", "gif"),
    "disc.vob": ("vob", "mpeg2video"),
    "disc.mpg": ("mpeg", "mpeg1video"),
    "station.mxf": ("mxf", "mpeg2video"),
    "real.rm": ("rm", "rv10"),
    "unheard.of": ("matroska", "mpeg4"),
    "bare": ("mp4", "libx264"),
}
"""Name of a file: its container, and the encoder of its video."""

FRAMES = 25
_PIXELS = {"gif": "rgb8"}


def write_odd_films(folder: Path) -> None:
    """Write a film of a second under each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (container, codec) in NAMES.items():
        _write(folder / name, container, codec)


def _write(path: Path, container: str, codec: str) -> None:
    # DV has one size.
    width, height = (720, 576) if codec == "dvvideo" else (64, 48)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=FRAMES)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, _PIXELS.get(codec, "yuv420p")
        for frame in _frames(width, height, stream.pix_fmt):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _frames(width: int, height: int, pixels: str) -> Iterator[av.VideoFrame]:
    for number in range(FRAMES):
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), number * 10, np.uint8), "rgb24")
        frame = frame.reformat(format=pixels)
        frame.pts = number
        yield frame
