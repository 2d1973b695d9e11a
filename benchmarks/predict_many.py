"""What recognising very many videos takes of memory: `python -m benchmarks.predict_many`.

A real `python -m ray_jobs.predict` over as many paths as asked for, copies of one small file and links to those, with
networks that cost little. Memory of the job and of everything that it started is looked at all the time (proportional
set size, so what processes share counts once), and told by how many videos were done.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import torch

from benchmarks.footage import footage
from benchmarks.numbers import told_and_kept
from benchmarks.running_job import descendants
from epitoma.inference.predictions import PARTS_FOLDER, read_predictions
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, build_model
from epitoma.reporting.console import phase
from epitoma.training.checkpoint import MODEL, save_model, state_of
from epitoma.video.compose import write_video
from ray_jobs.parts.command_line import run_job

POLL_SECONDS = 5.0
PATHS_PER_FOLDER = 1000


@dataclass(kw_only=True)
class ManyConfig:
    """What to measure.

    Attributes:
        paths: Videos.
        json: Where to write the result.
    """

    paths: int = 100_000
    json: Path | None = None


@dataclass(frozen=True)
class Seen:
    """The job at one time.

    Attributes:
        done: Videos that were written.
        driver_gib: Memory of the job's own process.
        all_gib: Memory of it and everything that it started.
    """

    done: int
    driver_gib: float
    all_gib: float


def measure(config: ManyConfig) -> dict[str, float]:
    """Run the job, and say how its memory grew from a fifth of the videos to all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, config.paths)
        started = time.perf_counter()
        with phase(f"recognise {config.paths} paths") as advance:
            seen = []
            for each in _watched(folder):
                seen.append(each)
                advance(each.done, config.paths, f"{each.all_gib:.2f} GiB")
        seconds = time.perf_counter() - started
        answered = len(read_predictions(folder / "out"))
    if answered != config.paths:
        raise RuntimeError(f"{config.paths} paths got {answered} answers")
    early = [each for each in seen if 0 < each.done <= config.paths / 5]
    late = [each for each in seen if each.done >= config.paths * 4 / 5]
    return {
        "paths": config.paths,
        "videos_per_second": config.paths / seconds,
        "driver_gib_at_a_fifth": early[-1].driver_gib,
        "driver_gib_at_the_end": late[-1].driver_gib,
        "all_gib_at_a_fifth": early[-1].all_gib,
        "all_gib_at_the_end": late[-1].all_gib,
        "all_gib_at_most": max(each.all_gib for each in seen),
    }


def _write(folder: Path, paths: int) -> None:
    """A model, and folders of one video and links to it."""
    torch.manual_seed(0)
    networks = NetworksConfig(
        light=LightNet.Config(name="test_efficientnet", weights="random", size=32),
        heavy=HeavyNet.Config(name="test_efficientnet", weights="random", size=32, frames=1),
    )
    config = ModelConfig(
        networks=networks, head=HeadConfig(), classes=("a", "b"), multi_label=False, timesteps=4
    )
    save_model(folder / "run" / MODEL, config=config, state=state_of(build_model(config)))
    write_video(folder / "one.mp4", footage(24, width=64, height=48), fps=12, gop=12)
    for start in range(0, paths, PATHS_PER_FOLDER):
        place = folder / "videos" / f"{start // PATHS_PER_FOLDER:04}"
        place.mkdir(parents=True)
        # Of each folder its own copy: a file system may allow 65,000 links to one file.
        first = shutil.copyfile(folder / "one.mp4", place / "000.mp4")
        for number in range(1, min(PATHS_PER_FOLDER, paths - start)):
            os.link(first, place / f"{number:03}.mp4")


def _watched(folder: Path) -> Iterator[Seen]:
    command = [sys.executable, "-m", "ray_jobs.predict", "--model", folder / "run", "--budget", "1"]
    places = ["--input", folder / "videos", "--output", folder / "out"]
    with (folder / "log").open("w") as log:
        job = subprocess.Popen([*map(str, command), *map(str, places)], stdout=log, stderr=log)
        try:
            while job.poll() is None:
                processes = [job.pid, *descendants(job.pid)]
                memory = [_gib(pid) for pid in processes]
                yield Seen(_written(folder / "out"), memory[0], sum(memory))
                time.sleep(POLL_SECONDS)
        finally:
            if job.poll() is None:
                job.terminate()
                job.wait(timeout=60)
    if job.returncode:
        raise RuntimeError(f"the job ended with {job.returncode}: {(folder / 'log').read_text()[-2000:]}")


def _written(output: Path) -> int:
    parts = (output / PARTS_FOLDER).glob("[!.]*.parquet")
    return sum(pq.read_metadata(part).num_rows for part in parts)


def _gib(pid: int) -> float:
    """Proportional set size of a process; 0 where it has just ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 2**20 if found else 0.0


def main() -> None:
    """The command."""
    run_job(ManyConfig, lambda config: told_and_kept(measure(config), config.json), about=__doc__)


if __name__ == "__main__":
    main()
