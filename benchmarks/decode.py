"""Time our decoder against torchcodec and decord: the same frames at the same size, on one core, in one run.

    python -m benchmarks.decode --json PATH

The peers live in an environment of their own, which the first run sets up in runs/benchmarks/peers (torchcodec needs
FFmpeg's shared libraries: Debian's package ffmpeg). Videos are made up, in the formats of Breakfast and of home
videos. Every reader opens the file anew each time; the fastest of several turns counts, and readers take turns.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.command import run_benchmark
from benchmarks.footage import footage
from benchmarks.record import write_record
from epitoma.core.sampling import uniform_timesteps
from epitoma.reporting.console import phase, say
from epitoma.video.compose import write_video
from epitoma.video.index import index_video

SECONDS = 140
SIZE = 224
ROOT = Path("runs/benchmarks")
PEER_PACKAGES = ("torch==2.13.0", "torchcodec==0.13.*", "decord", "numpy")
CELLS = ((16, 1), (32, 1), (128, 1), (16, 8), (128, 8))


@dataclass(frozen=True)
class Footage:
    """A file to measure with."""

    name: str
    codec: str
    width: int
    height: int
    fps: int
    gop: int

    @property
    def scaled_width(self) -> int:
        """Width when the height is scaled to SIZE."""
        return round(self.width * SIZE / self.height)


FILES = tuple(
    Footage(f"{codec}_{width}x{height}_{fps}fps_gop{gop}.{suffix}", codec, width, height, fps, gop)
    for (codec, suffix, width, height, fps), gop in product(
        (("mpeg4", "avi", 320, 240, 15), ("libx264", "mp4", 320, 240, 15), ("libx264", "mp4", 640, 360, 30)),
        (250, 30),
    )
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far our exact pictures are from torchcodec's, of 255; different frames would be far apart."""

    max_abs_difference: int
    mean_abs_difference: float
    worst_frame_difference: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the record: a file, so many timesteps of so many frames, a mode of ours; times of one core.

    ``torchcodec_unscaled_ms`` is without scaling, and is compared with nothing.
    """

    file: str
    timesteps: int
    frames: int
    mode: Literal["exact", "fast"]
    ours_ms: float
    torchcodec_exact_ms: float
    torchcodec_approximate_ms: float
    torchcodec_unscaled_ms: float
    decord_ms: float
    max_deviation_seconds: float
    difference: Difference

    @property
    def speedup(self) -> float:
        """How many times faster we are than the fastest peer that gives the same pictures."""
        peers = (self.torchcodec_exact_ms, self.torchcodec_approximate_ms, self.decord_ms)
        return min(peers) / self.ours_ms


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    """Options.

    Attributes:
        json: Where to write the rows.
        turns: How often every reader reads the same; its fastest counts.
    """

    json: Path | None = None
    turns: int = 3


class Reader:
    """A process that reads videos when asked."""

    def __init__(self, python: Path, *options: str) -> None:
        core = max(os.sched_getaffinity(0))
        command = [str(python), "-m", "benchmarks.decode_reader", str(core), *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, **job: Any) -> dict[str, Any]:
        """Do one job."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a reader of {job['reader']} ended: {' '.join(map(str, self.process.args))}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def peers_python() -> Path:
    """The interpreter of the peers' environment, made where it is missing."""
    folder = ROOT / "peers"
    python, done = folder / "bin" / "python", folder / ".done"
    if not done.is_file():
        with phase("set up torchcodec and decord", unit="steps"):
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
        done.touch()
    return python


def write_files(folder: Path) -> None:
    """Make the videos that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with phase("make videos") as advance:
        for done, file in enumerate(FILES, start=1):
            if not (folder / file.name).is_file():
                frames = footage(SECONDS * file.fps, width=file.width, height=file.height)
                settings = {"fps": file.fps, "codec": file.codec, "gop": file.gop, "preset": "fast"}
                write_video(folder / file.name, frames, **settings)
            advance(done, len(FILES))


CONTESTANTS: dict[str, dict[str, Any]] = {
    "ours_exact": {"reader": "ours", "mode": "exact"},
    "torchcodec_exact": {"reader": "torchcodec", "mode": "exact"},
    "torchcodec_approximate": {"reader": "torchcodec", "mode": "approximate"},
    "torchcodec_unscaled": {"reader": "torchcodec", "mode": "approximate", "resize": False},
    "decord": {"reader": "decord"},
    "ours_fast": {"reader": "ours", "mode": "fast"},
}


def measure(job: dict, *, turns: int, readers: dict[str, Reader]) -> dict[str, dict]:
    """The fastest answer of every contestant, who take turns."""
    best: dict[str, dict] = {}
    for _ in range(turns):
        for name, options in CONTESTANTS.items():
            if name == "ours_fast" and job["frames_per_timestep"] > 1:
                continue
            reader = readers["ours" if options["reader"] == "ours" else "peers"]
            answer = reader.read(**{**job, **options})
            if name not in best or answer["ms"] < best[name]["ms"]:
                best[name] = answer
    return best


def cell_rows(
    file: Footage, folder: Path, timesteps: int, frames: int, *, turns: int, readers: dict[str, Reader]
) -> list[Row]:
    """Rows of the table for one file and one number of frames: exact, and fast where a timestep is one frame."""
    index = index_video(folder / file.name)
    chosen = uniform_timesteps(index.frame_count, count=timesteps, frames_per_timestep=frames)
    job = {
        "file": str(folder / file.name),
        "frames": chosen.frames_TM.reshape(-1).tolist(),
        "frames_per_timestep": frames,
        "size": SIZE,
        "scaled_width": file.scaled_width,
        "resize": True,
        # A timestep stands for its share of the video; any frame of that share may stand for it.
        "tolerance_seconds": SECONDS / timesteps / 2,
    }
    best = measure(job, turns=turns, readers=readers)
    difference = compare(job, readers)
    return [
        Row(
            file=file.name,
            timesteps=timesteps,
            frames=frames,
            mode=mode,
            ours_ms=round(best[f"ours_{mode}"]["ms"], 1),
            max_deviation_seconds=round(best[f"ours_{mode}"]["deviation_seconds"], 3),
            difference=difference,
            **{
                f"{name}_ms": round(best[name]["ms"], 1)
                for name in CONTESTANTS
                if not name.startswith("ours")
            },
        )
        for mode in ("exact", "fast")
        if f"ours_{mode}" in best
    ]


def compare(job: dict, readers: dict[str, Reader]) -> Difference:
    """Read the same once more with both, and keep the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: f"{folder}/{name}.npy" for name in readers}
        readers["ours"].read(**job, reader="ours", mode="exact", keep=kept["ours"])
        readers["peers"].read(**job, reader="torchcodec", mode="exact", keep=kept["peers"])
        ours, theirs = (np.load(kept[name]).astype(np.int16) for name in ("ours", "peers"))
    differences = np.abs(ours - theirs)
    return Difference(
        max_abs_difference=int(differences.max()),
        mean_abs_difference=round(float(differences.mean()), 3),
        worst_frame_difference=round(float(differences.mean(axis=(1, 2, 3)).max()), 3),
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table as a person reads it, and what it comes to."""
    lines = [
        "| file | T x m | mode | ours ms | torchcodec exact / approximate | decord | unscaled "
        "| times faster | difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.file} | {row.timesteps} x {row.frames} | {row.mode} | {row.ours_ms:.0f} "
        f"| {row.torchcodec_exact_ms:.0f} / {row.torchcodec_approximate_ms:.0f} | {row.decord_ms:.0f} "
        f"| {row.torchcodec_unscaled_ms:.0f} | {row.speedup:.2f} | {row.difference.mean_abs_difference:.2f} |"
        for row in rows
    ]
    return "\n".join([*lines, "", *(summary(rows, mode) for mode in ("exact", "fast"))])


def summary(rows: Sequence[Row], mode: str) -> str:
    """How many times faster one mode is, over all cells."""
    times = [row.speedup for row in rows if row.mode == mode]
    median = statistics.median(times)
    return f"{mode}: {min(times):.2f} to {max(times):.2f} times faster, median {median:.2f}"


def run(config: DecodeConfig) -> None:
    """Measure every cell, and print the table."""
    peers = peers_python()
    folder = ROOT / "decode_videos"
    write_files(folder)
    readers = {"ours": Reader(Path(sys.executable)), "peers": Reader(peers, "torch")}
    rows: list[Row] = []
    cells = list(product(FILES, CELLS))
    with phase("decode", unit="cells") as advance:
        for done, (file, (timesteps, frames)) in enumerate(cells, start=1):
            rows += cell_rows(file, folder, timesteps, frames, turns=config.turns, readers=readers)
            advance(done, len(cells))
    for reader in readers.values():
        reader.close()
    say(markdown(rows))
    write_record(config.json, rows)


if __name__ == "__main__":
    run_benchmark(DecodeConfig, run, about=__doc__)
