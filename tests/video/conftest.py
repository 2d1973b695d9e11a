"""Real files whose frames carry their own number as eight black or white bands, top to bottom."""

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from epitoma.video.own_priority import own_priority

WIDTH, HEIGHT = 96, 64


def numbered_frame(number: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    bits = (number >> (np.arange(height) * 8 // height)) & 1
    return np.broadcast_to(bits.astype(np.uint8)[:, None, None] * 200 + 28, (height, width, 3)).copy()


@pytest.fixture(scope="session")
def read_numbers() -> Callable[[np.ndarray], list[int]]:
    """Read the numbers back from uint8 (n, s, s, 3)."""

    def read(frames: np.ndarray) -> list[int]:
        n, side = frames.shape[:2]
        middle = frames[:, :, side // 4 : -side // 4].reshape(n, 8, side // 8, -1).mean(axis=(2, 3))
        return ((middle > 128) @ (1 << np.arange(8))).tolist()

    return read


MakeVideo = Callable[..., Path]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """Write frames 0 .. count-1; `presented_at` gives their times in units of 1 / rate."""

    def make(
        name: str,
        *,
        codec: str = "libx264",
        count: int = 60,
        rate: int = 15,
        gop: int = 12,
        options: dict[str, str] | None = None,
        presented_at: Sequence[int] | None = None,
        rotation: int | None = None,
        container_options: dict[str, str] | None = None,
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (WIDTH, HEIGHT),
    ) -> Path:
        path = tmp_path_factory.mktemp("videos") / name
        with own_priority(), av.open(str(path), "w", options=container_options or {}) as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
            stream.codec_context.gop_size = gop
            if rotation is not None:
                stream.set_display_rotation(rotation)
            for i in range(count):
                frame = av.VideoFrame.from_ndarray(numbered_frame(i, width=size[0], height=size[1]), "rgb24")
                frame.pts = i if presented_at is None else presented_at[i]
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def sound_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file of silence."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
