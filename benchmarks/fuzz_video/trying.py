"""What a file does when it is indexed and decoded: frames and their order, an error, time and memory."""

import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from benchmarks.fuzz_video.outcome import Outcome
from epitoma.core.errors import VideoError
from epitoma.video.container import open_video
from epitoma.video.decode import Decoded, FrameRequest, decode_requests
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler

SIZE = 64


def try_file(path: Path) -> Outcome:
    """Index and decode one file, in both modes."""
    started = time.perf_counter()
    try:
        index = index_video(path)
        wanted = np.linspace(0, index.frame_count - 1, 6).astype(int)
        view = FrameRequest(frame_indices=wanted, size=SIZE)
        exact, fast = (decode_requests(path, index, [view], mode=mode) for mode in ("exact", "fast"))
        kind, detail = ("replaced" if exact.replaced or fast.replaced else "decoded"), ""
        if not is_in_order(exact, plain_pictures(path)):
            kind, detail = "order", "frames are shown in another order than a plain decode has them"
    except VideoError as error:
        kind, detail = "refused", error.reason.split("(")[0].strip()
    except Exception as error:
        kind, detail = "exception", repr(error)[:200]
    return Outcome(kind, detail, time.perf_counter() - started, peak_memory_bytes())


def plain_pictures(path: Path) -> list[bytes]:
    """What a decoder shows of a file, one packet after the other, whatever is damaged."""
    scaler, square, pictures = SquareScaler(size=SIZE, rotation=0), np.empty((SIZE, SIZE, 3), np.uint8), []
    with open_video(path) as video:
        for packet in [*video.packets_from_keyframe(), None]:
            try:
                frames = video.stream.codec_context.decode(packet)
            except FFmpegError:
                continue
            for frame in frames:
                scaler.scale_into(square, frame)
                pictures.append(square.tobytes())
    return pictures


def is_in_order(decoded: Decoded, plain: list[bytes]) -> bool:
    """Whether pictures that are themselves, and not a neighbour's, come in the order of a plain decode."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, picture in enumerate(plain):
        places[picture].append(place)
    last = -1
    for picture, deviation in zip(decoded.pictures[0], decoded.deviation_seconds[0], strict=True):
        found = places[picture.tobytes()]
        if deviation == 0 and found:
            following = [place for place in found if place >= last]
            if not following:
                return False
            last = following[0]
    return True


def peak_memory_bytes() -> int:
    """Most memory this process has had; getrusage would count what its parent had when it was forked."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
