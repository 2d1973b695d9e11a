"""Mutate valid videos and decode them: no crash, no hang, no more memory than a gigabyte, no frame out of order.

Every mutated file is indexed and decoded in a process of its own kind, watched from outside. A file may end in a
VideoError or in frames; anything else counts as a failure and is kept.

    python -m benchmarks.fuzz_video --count 5000
"""

import multiprocessing as mp
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from benchmarks.command import run_benchmark
from benchmarks.footage import footage
from benchmarks.record import write_record
from epitoma.core.errors import VideoError
from epitoma.reporting.console import phase, say
from epitoma.video.compose import write_video
from epitoma.video.container import open_video
from epitoma.video.decode import Decoded, FrameRequest, decode_requests
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler

HANG_SECONDS = 10.0
START_SECONDS = 120.0
READY = "ready"
MEMORY_BYTES = 1 << 30
FILES_A_PROCESS = 200
SEEDS = {
    "h264.mp4": "libx264",
    "h264.mkv": "libx264",
    "h264.ts": "libx264",
    "hevc.mp4": "libx265",
    "mpeg4.avi": "mpeg4",
    "h264.avi": "libx264",
    "mpeg2.mpg": "mpeg2video",
    "mpeg2.ts": "mpeg2video",
    "vp9.webm": "libvpx-vp9",
    "av1.mp4": "libsvtav1",
}
HEADER_BYTES = 1500
SIZE = 64


@dataclass(frozen=True)
class Outcome:
    """How one file ended: a kind that may be, or a failure."""

    kind: str
    detail: str = ""
    seconds: float = 0.0
    memory_bytes: int = 0

    @property
    def is_failure(self) -> bool:
        """Whether this may never happen."""
        return self.kind in ("crash", "hang", "memory", "exception", "order")


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one of six ways."""
    data = bytearray(content)
    ways = (_flip, _truncate, _edit_header, _edit_end, _blank, _repeat)
    return bytes(ways[rng.integers(len(ways))](data, rng))


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(data), int(rng.integers(1, 64))):
        data[place] = rng.integers(256)
    return data


def _truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def _edit_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    return _edit(data, rng, start=0, end=min(HEADER_BYTES, len(data)))


def _edit_end(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Tables of MP4 and AVI lie at the end."""
    return _edit(data, rng, start=max(0, len(data) - 3 * HEADER_BYTES), end=len(data))


def _edit(data: bytearray, rng: np.random.Generator, *, start: int, end: int) -> bytearray:
    extremes = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\x80\0\0\0")
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(start, end))
        data[place : place + 4] = extremes[rng.integers(len(extremes))]
    return data


def _blank(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 4000))
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def _repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 4000))
    place = int(rng.integers(len(data)))
    return data[:place] + data[start : start + length] + data[place:]


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


def serve(pipe) -> None:
    """Try files named over a pipe until there are no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg has much to say of such files.
    pipe.send(READY)
    while (path := pipe.recv()) is not None:
        pipe.send(try_file(path))


class Watched:
    """A process that tries files, replaced when it dies, hangs, or has tried many."""

    def __init__(self) -> None:
        self.process: mp.process.BaseProcess | None = None
        self.tried = 0

    def outcome(self, path: Path) -> Outcome:
        """Try a file, and say what became of it."""
        if self.process is None or self.tried >= FILES_A_PROCESS:
            self._start()
        self.tried += 1
        self.pipe.send(path)
        if not self.pipe.poll(HANG_SECONDS):
            self.stop()
            return Outcome("hang", f"over {HANG_SECONDS:g} s", HANG_SECONDS)
        try:
            outcome = self.pipe.recv()
        except EOFError:
            code = self._exit_code()
            return Outcome("crash", f"exit code {code}")
        return (
            Outcome("memory", f"{outcome.memory_bytes} bytes")
            if outcome.memory_bytes > MEMORY_BYTES
            else outcome
        )

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None

    def _start(self) -> None:
        self.stop()
        context = mp.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.tried = 0
        if not self.pipe.poll(START_SECONDS) or self.pipe.recv() != READY:
            raise SystemExit("a process to try files in does not start")

    def _exit_code(self) -> int | None:
        assert self.process is not None
        self.process.join(5)
        code = self.process.exitcode
        self.process = None
        return code


def write_seeds(folder: Path) -> list[Path]:
    """Valid files of several codecs and containers."""
    os.environ.setdefault("SVT_LOG", "1")  # The AV1 encoder then says errors only.
    for name, codec in SEEDS.items():
        write_video(folder / name, footage(60, width=160, height=120), fps=25, codec=codec, gop=12)
    return [folder / name for name in SEEDS]


def mutations(seeds: list[Path], count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of damaged files, the same for the same seed."""
    contents = [path.read_bytes() for path in seeds]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        which = number % len(seeds)
        yield f"{number:06d}_{seeds[which].name}", mutated(contents[which], rng)


def fuzz(count: int, *, seed: int, keep: Path) -> list[Outcome]:
    """Try mutated files one after the other, and keep those that fail."""
    outcomes: list[Outcome] = []
    watched = Watched()
    with tempfile.TemporaryDirectory() as name, phase("fuzz", unit="files") as advance:
        folder = Path(name)
        for file_name, content in mutations(write_seeds(folder), count, seed=seed):
            path = folder / file_name
            path.write_bytes(content)
            outcome = watched.outcome(path)
            outcomes.append(outcome)
            if outcome.is_failure:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, keep)
                print(f"{outcome.kind}: {file_name} ({outcome.detail})", flush=True)
            path.unlink()
            advance(len(outcomes), count)
    watched.stop()
    return outcomes


@dataclass(frozen=True, kw_only=True)
class KindOfOutcome:
    """A row of the record: how many files ended in one way.

    Attributes:
        kind: Decoded, replaced (some frames by their neighbours), refused, or a failure.
        files: How many.
        slowest_seconds: The longest that one took.
        memory_bytes: Most memory that a process had after one.
    """

    kind: str
    files: int
    slowest_seconds: float
    memory_bytes: int


def by_kind(outcomes: list[Outcome]) -> list[KindOfOutcome]:
    """Rows of the record, the most frequent kind first."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    rows = []
    for kind, files in kinds.most_common():
        those = [outcome for outcome in outcomes if outcome.kind == kind]
        slowest = round(max(outcome.seconds for outcome in those), 3)
        memory_bytes = max(outcome.memory_bytes for outcome in those)
        rows.append(KindOfOutcome(kind=kind, files=files, slowest_seconds=slowest, memory_bytes=memory_bytes))
    return rows


@dataclass(frozen=True, kw_only=True)
class FuzzConfig:
    """Options.

    Attributes:
        count: How many files.
        seed: From which they follow.
        keep: Where those that fail are kept.
        json: Where to write the record.
    """

    count: int = 5000
    seed: int = 0
    keep: Path = Path("runs/benchmarks/fuzz")
    json: Path | None = None


def run(config: FuzzConfig) -> None:
    """Fuzz, print what became of the files, and exit with 1 if one failed."""
    outcomes = fuzz(config.count, seed=config.seed, keep=config.keep)
    rows = by_kind(outcomes)
    for row in rows:
        say(f"{row.files:6d} {row.kind}, slowest {row.slowest_seconds} s, {row.memory_bytes >> 20} MiB")
    refused = [outcome.detail for outcome in outcomes if outcome.kind == "refused"]
    for reason, number in Counter(re.sub(r"\d+", "n", detail) for detail in refused).most_common(12):
        say(f"{number:6d} refused: {reason}")
    write_record(config.json, rows)
    sys.exit(any(outcome.is_failure for outcome in outcomes))


if __name__ == "__main__":
    run_benchmark(FuzzConfig, run, about=__doc__)
