"""Every container that FFmpeg here can write, with the codecs it takes: frames are in their places in all of them."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.codec import Codec
from av.error import FFmpegError

from epitoma.core.errors import VideoError
from epitoma.video.index import index_video
from epitoma.video.own_priority import own_priority
from tests.video.test_exactness import assert_in_place

CONTAINERS = [
    "3gp",
    "apng",
    "asf",
    "avi",
    "dv",
    "f4v",
    "film_cpk",
    "flv",
    "gif",
    "h261",
    "h263",
    "h264",
    "hevc",
    "ismv",
    "ivf",
    "m4v",
    "matroska",
    "mov",
    "mp4",
    "mpeg",
    "mpeg2video",
    "mpegts",
    "mxf",
    "nut",
    "ogv",
    "rm",
    "vob",
    "webm",
    "wtv",
    "yuv4mpegpipe",
]
ENCODERS = [
    "libx264",
    "libx265",
    "mpeg4",
    "mpeg2video",
    "libvpx",
    "mjpeg",
    "wmv2",
    "h261",
    "h263",
    "rv20",
    "gif",
    "apng",
    "dvvideo",
    "cinepak",
    "rawvideo",
]
FURTHER_CONTAINERS = ["mpeg1video", "obu", "svcd", "vcd"]
FURTHER_ENCODERS = [
    "mpeg1video",
    "libsvtav1",
    "msmpeg4",
    "msmpeg4v2",
    "wmv1",
    "h263p",
    "flv",
    "rv10",
    "libvpx-vp9",
    "ffv1",
    "huffyuv",
    "png",
    "prores_ks",
    "vc2",
    "snow",
    "svq1",
    "qtrle",
    "jpeg2000",
    "utvideo",
    "flashsv",
    "asv2",
    "cfhd",
    "speedhq",
    "rpza",
    "msvideo1",
    "zmbv",
]
B_FRAMES = {
    "libx264": ({"x264-params": "bframes=0"}, {"x264-params": "bframes=3"}),
    "libx265": tuple({"x265-params": f"log-level=none:pools=1:bframes={count}"} for count in (0, 3)),
    "mpeg4": ({"bf": "0"}, {"bf": "2"}),
    "mpeg2video": ({"bf": "0"}, {"bf": "2"}),
    "mpeg1video": ({"bf": "0"}, {"bf": "2"}),
}
FASTEST = {
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx": {"deadline": "realtime"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
SIZES = {"dvvideo": (720, 576), "h261": (176, 144), "h263": (176, 144), "speedhq": (160, 96)}
WITHOUT_KEYFRAMES = {"rpza", "flv"}


def write(path: Path, container: str, encoder: str, options: dict[str, str], *, count: int = 30) -> bool:
    """Write frames that all differ; False where the container does not take the codec."""
    width, height = SIZES.get(encoder, (96, 64))
    try:
        with own_priority(), av.open(str(path), "w", format=container) as output:
            stream = output.add_stream(encoder, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, _pix_fmt(encoder)
            stream.codec_context.gop_size = 12
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(picture(number, width, height), "rgb24")
                frame = frame.reformat(format=stream.pix_fmt)
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    except (FFmpegError, ValueError):
        return False
    return True


def picture(number: int, width: int, height: int) -> np.ndarray:
    colours = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
    patches = np.kron(colours, np.ones((height // 6 + 1, width // 8 + 1, 1), np.uint8))
    return np.ascontiguousarray(patches[:height, :width])


def _pix_fmt(encoder: str) -> str:
    formats = [each.name for each in Codec(encoder, "w").video_formats or ()]
    return "yuv420p" if not formats or "yuv420p" in formats else formats[0]


def is_read(path: Path) -> bool:
    """Whether FFmpeg itself decodes more than one frame of it."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0)) > 1
    except (FFmpegError, IndexError):
        return False


def tells_keyframes(path: Path) -> bool:
    """Whether it says of any packet that decoding can start there; else it is refused, with that as the reason."""
    with av.open(str(path)) as container:
        if any(packet.is_keyframe for packet in container.demux(video=0)):
            return True
    with pytest.raises(VideoError, match="no keyframe"):
        index_video(path)
    return False


def compared(folder: Path, container: str, encoders: list[str]) -> set[str]:
    """Compare what can be written and read, and say which codecs that were."""
    seen = set()
    for encoder in encoders:
        for options in B_FRAMES.get(encoder, (FASTEST.get(encoder, {}),)):
            path = folder / f"{encoder}.{container}"
            path.unlink(missing_ok=True)
            if not write(path, container, encoder, options) or not is_read(path):
                continue
            if tells_keyframes(path):
                assert_in_place(path, counts=(1, 1, 2, 5))
            else:
                assert container == "wtv" or encoder in WITHOUT_KEYFRAMES, (encoder, options)
            seen.add(encoder)
    return seen


@pytest.mark.parametrize("container", CONTAINERS)
def test_frames_are_in_their_places(tmp_path, container):
    assert compared(tmp_path, container, ENCODERS)


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS + FURTHER_CONTAINERS)
def test_frames_of_further_codecs_are_in_their_places(tmp_path, container):
    seen = compared(tmp_path, container, FURTHER_ENCODERS)
    assert len(seen) >= {"avi": 15, "asf": 15, "nut": 15, "mov": 9, "matroska": 8}.get(container, 0)
