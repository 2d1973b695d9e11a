"""Colours of the squares are those of the frame, by the matrix and the range that it is tagged with."""

from dataclasses import dataclass
from itertools import product

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given
from hypothesis import strategies as st

from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler

# Shares of red and blue in brightness: Rec. ITU-R BT.601, BT.709, BT.2020.
MATRICES = {
    Colorspace.ITU601: (0.299, 0.114),
    Colorspace.ITU709: (0.2126, 0.0722),
    Colorspace.BT2020: (0.2627, 0.0593),
}


@dataclass(frozen=True)
class Tags:
    """What a frame says of its colours."""

    matrix: Colorspace
    range: ColorRange


TAGS = [Tags(matrix, each) for matrix in MATRICES for each in (ColorRange.MPEG, ColorRange.JPEG)]


def plain_colour(yuv: tuple[int, int, int], tags: Tags, bits: int = 8) -> np.ndarray:
    """Red, green and blue from 0 to 255, by the definition of the standards."""
    red_share, blue_share = MATRICES[tags.matrix]
    step, white = 1 << bits - 8, (1 << bits) - 1
    is_full = tags.range == ColorRange.JPEG
    y = yuv[0] / white if is_full else (yuv[0] - 16 * step) / (219 * step)
    u, v = ((each - 128 * step) / (white if is_full else 224 * step) for each in yuv[1:])
    red, blue = y + 2 * (1 - red_share) * v, y + 2 * (1 - blue_share) * u
    green = (y - red_share * red - blue_share * blue) / (1 - red_share - blue_share)
    return np.clip(np.array([red, green, blue]) * 255, 0, 255)


def flat_frame(yuv: tuple[int, ...], tags: Tags, pix_fmt: str) -> av.VideoFrame:
    frame = av.VideoFrame(64, 48, pix_fmt)
    dtype = np.dtype(np.uint16 if depth(pix_fmt) > 8 else np.uint8)
    for plane, level in zip(frame.planes, yuv, strict=False):  # Grey takes the first alone.
        plane.update(np.full(plane.buffer_size // dtype.itemsize, level, dtype).tobytes())
    frame.colorspace, frame.color_range = tags.matrix, tags.range
    return frame


def depth(pix_fmt: str) -> int:
    return av.VideoFormat(pix_fmt).components[0].bits


def extremes(tags: Tags, pix_fmt: str) -> tuple[tuple[int, int], ...]:
    """Lowest and highest level of brightness and of both colours."""
    bits = depth(pix_fmt)
    step, is_full, is_grey = 1 << bits - 8, tags.range == ColorRange.JPEG, pix_fmt.startswith("gray")
    y = (0, (1 << bits) - 1) if is_full else (16 * step, 235 * step)
    colour = (128 * step,) * 2 if is_grey else (y if is_full else (16 * step, 240 * step))
    return (y, colour, colour)


PIX_FMTS = ["yuv420p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "yuv422p10le", "yuv420p12le", "gray10le"]


@pytest.mark.parametrize("pix_fmt", PIX_FMTS)
@pytest.mark.parametrize("tags", TAGS, ids=lambda tags: f"{tags.matrix.name}-{tags.range.name}")
@given(data=st.data())
def test_colours_are_within_a_level_of_the_tagged_matrix(tags, pix_fmt, data):
    between = data.draw(st.tuples(*(st.integers(*levels) for levels in extremes(tags, pix_fmt))))
    scaler, square = SquareScaler(size=32, rotation=0), np.empty((32, 32, 3), np.uint8)
    for yuv in (between, *product(*extremes(tags, pix_fmt))):
        scaler.scale_into(square, flat_frame(yuv, tags, pix_fmt))
        assert np.abs(square - plain_colour(yuv, tags, depth(pix_fmt))).max() <= 1, yuv


def test_a_scaler_takes_frames_of_other_colours_in_the_middle():
    scaler, square = SquareScaler(size=32, rotation=0), np.empty((32, 32, 3), np.uint8)
    for tags in (*TAGS, *reversed(TAGS)):
        scaler.scale_into(square, flat_frame((180, 90, 170), tags, "yuv420p"))
        assert np.abs(square - plain_colour((180, 90, 170), tags)).max() <= 1


@pytest.mark.parametrize("matrix", [3, 8, 10, 11, 12, 13, 14, 15])
def test_a_matrix_that_ffmpeg_does_not_convert_by_is_as_if_none_were_said(matrix):
    squares = np.empty((2, 32, 32, 3), np.uint8)
    for square, number in zip(squares, (matrix, 2), strict=True):
        frame = flat_frame((180, 90, 170), TAGS[0], "yuv420p")
        frame.colorspace = number
        SquareScaler(size=32, rotation=0).scale_into(square, frame)
    assert np.array_equal(*squares)


X264_NAMES = {Colorspace.ITU601: "bt470bg", Colorspace.ITU709: "bt709", Colorspace.BT2020: "bt2020nc"}


@pytest.mark.parametrize("tags", TAGS, ids=lambda tags: f"{tags.matrix.name}-{tags.range.name}")
def test_colours_of_a_tagged_file(tmp_path, tags):
    path = tmp_path / "tagged.mp4"
    is_full = tags.range == ColorRange.JPEG
    parameters = f"qp=0:colormatrix={X264_NAMES[tags.matrix]}:range={'pc' if is_full else 'tv'}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": parameters})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = tags.matrix, tags.range
        for number in range(3):
            frame = flat_frame((180, 90, 170), tags, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (squares,) = decode_frames(path, index_video(path), np.arange(3), sizes=(32,))
    assert np.abs(squares - plain_colour((180, 90, 170), tags)).max() <= 1


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize(("pix_fmt", "level"), [("gray", 90), ("gray10le", 360)])
def test_grey_of_a_tagged_file(tmp_path, pix_fmt, level, is_full):
    path, tags = tmp_path / "grey.mp4", TAGS[is_full]
    with av.open(str(path), "w") as container:
        parameters = f"lossless=1:log-level=none:range={'full' if is_full else 'limited'}"
        stream = container.add_stream("libx265", rate=25, options={"x265-params": parameters})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        stream.codec_context.color_range = tags.range
        for number in range(3):
            frame = flat_frame((level,), tags, pix_fmt)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (squares,) = decode_frames(path, index_video(path), np.arange(3), sizes=(32,))
    middle = 1 << depth(pix_fmt) - 1
    assert np.abs(squares - plain_colour((level, middle, middle), tags, depth(pix_fmt))).max() <= 1


@pytest.mark.parametrize("size", [(320, 240), (96, 160), (101, 77)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le", "yuvj420p"])
def test_squares_are_near_to_those_of_a_plain_conversion(size, pix_fmt):
    width, height = size
    y, x = np.mgrid[:height, :width]
    blue = 128 + 60 * np.sin(2 * np.pi * x / width)  # Slow: colour has half the detail of brightness.
    picture = np.stack([x * 255 / width, y * 255 / height, blue], axis=-1).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pix_fmt)
    square = np.empty((32, 32, 3), np.uint8)
    SquareScaler(size=32, rotation=0).scale_into(square, frame)
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    centre = np.ascontiguousarray(picture[top : top + side, left : left + side])
    plain = av.VideoFrame.from_ndarray(centre, "rgb24").reformat(32, 32, "rgb24").to_ndarray()
    assert np.abs(square.astype(int) - plain).mean() < 4
