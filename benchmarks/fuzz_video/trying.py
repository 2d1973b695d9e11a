"""What a file does when it is indexed and decoded: right or wrong pictures, an error, time and memory."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fuzz_video.outcome import Outcome
from benchmarks.fuzz_video.plain import EXACT, FAST, Options, PlainPictures, plain_pictures
from epitoma.core.errors import VideoError
from epitoma.video.decode import Decoded, FrameRequest, Mode, decode_requests
from epitoma.video.index import VideoIndex, index_video

SIZE = 64
FRAMES = 6
TOLERANCE_SECONDS: dict[Mode, float] = {"exact": 0.0, "fast": 0.5}
WAYS: dict[Mode, tuple[Options, ...]] = {"exact": (EXACT,), "fast": (FAST, EXACT)}
"""Where fast decoding does not find a frame, exact decoding does."""


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """Frames of a file that can be decoded, in both modes."""

    index: VideoIndex
    wanted: np.ndarray
    decoded: Mapping[Mode, Decoded]


def try_file(path: Path) -> Outcome:
    """Index and decode one file, in both modes."""
    started = time.process_time()
    tried = _decode(path)
    seconds = time.process_time() - started
    kind, detail = _compare(path, tried) if isinstance(tried, _Tried) else tried
    return Outcome(kind, detail, seconds, peak_memory_bytes())


def _decode(path: Path) -> _Tried | tuple[str, str]:
    """Decode some frames; returns kind and detail where that fails."""
    try:
        index = index_video(path)
        wanted = np.linspace(0, index.frame_count - 1, FRAMES).astype(int)
        decoded = {mode: _decode_frames(path, index, wanted, mode) for mode in TOLERANCE_SECONDS}
        return _Tried(index=index, wanted=wanted, decoded=decoded)
    except VideoError as error:
        return "refused", error.reason.split("(")[0].strip()
    except Exception as error:
        return "exception", repr(error)[:200]


def _compare(path: Path, tried: _Tried) -> tuple[str, str]:
    """Kind and detail of a file whose frames are compared with plain decodes."""
    for mode, decoded in tried.decoded.items():
        plain = plain_pictures(path, tried.index, WAYS[mode], size=SIZE)
        tolerance_seconds = TOLERANCE_SECONDS[mode]
        wrong = wrong_frames(decoded, tried.wanted, tried.index, plain, tolerance_seconds=tolerance_seconds)
        if wrong:
            return "picture", f"{mode}: a plain decode shows something else of {wrong}"
    return ("replaced" if any(each.replaced for each in tried.decoded.values()) else "decoded"), ""


def _decode_frames(path: Path, index: VideoIndex, wanted: np.ndarray, mode: Mode) -> Decoded:
    view = FrameRequest(frame_indices=wanted, size=SIZE)
    return decode_requests(path, index, [view], mode=mode, tolerance_seconds=TOLERANCE_SECONDS[mode])


def wrong_frames(
    decoded: Decoded, wanted: np.ndarray, index: VideoIndex, plain: PlainPictures, *, tolerance_seconds: float
) -> list[int]:
    """Wanted frames that are not counted as replaced, and whose pictures no plain decode has at their distance."""
    shown = zip(wanted.tolist(), decoded.pictures[0], decoded.deviation_seconds[0], strict=True)
    return [
        frame
        for frame, picture, distance in shown
        # One that is replaced is farther away, or at NaN where it has the picture of another wanted one.
        if distance <= tolerance_seconds
        and not plain.has(picture.tobytes(), frames_at(index, frame, distance_seconds=distance))
    ]


def frames_at(index: VideoIndex, frame: int, *, distance_seconds: float) -> list[int]:
    """Frames so far from one in time, before and after it."""
    distances = np.abs(index.pts - index.pts[frame]) * float(index.time_base)
    return np.flatnonzero(np.isclose(distances, distance_seconds, rtol=0, atol=1e-9)).tolist()


def peak_memory_bytes() -> int:
    """Most memory this process has had; getrusage would count what its parent had when it was forked."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
