"""A real training job over very many rows, from its start to its first batch: how long, and how much memory.

Memory is the most that a process ever had resident (VmHWM), shared pages included.
"""

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.running_job import RunningJob, command_line, descendants
from benchmarks.scaling.many_rows import SECONDS, write_many
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import say
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig

TITLES = {
    "worker_gib": "ray::RayTrainWorker",
    "controller_gib": "ray::TrainController",
    "decoder_gib": "ray::ReadScheduledVideos",
}


def measure_start(root: Path, rows: int, *, seconds: int = SECONDS) -> dict[str, Any]:
    """Start `ray_jobs.train --source pixels` over a manifest of this many rows, and stop it at its first batch.

    Args:
        root: Where videos, manifest and run go.
        rows: Videos of the manifest.
        seconds: Length of each real file that is made.
    """
    manifest = write_many(root / f"rows_{rows}", root / "videos", rows, seconds=seconds)
    runs = (root / f"runs_{time.time_ns()}").absolute()
    started = time.perf_counter()
    job = RunningJob(_config(manifest, runs), {"MLFLOW_TRACKING_URI": ""})
    try:
        job.wait_for_step(0, 0)
        taken = time.perf_counter() - started
        peaks = {"driver_gib": _peak_gib(job.process.pid), **_peaks_below(job.process.pid)}
    finally:
        os.kill(job.process.pid, signal.SIGTERM)
        job.ended()
        shutil.rmtree(runs)
    measured = {"rows": rows, "seconds": taken, **peaks}
    say(f"  {measured}")
    return measured


def _config(manifest: Path, runs: Path) -> TrainConfig:
    """A run whose networks cost nothing: what is measured is all that comes before them."""
    return TrainConfig(
        manifest=manifest,
        name="start",
        runs=runs,
        source="pixels",
        networks=NetworksConfig(
            light=LightNet.Config(name="mobilenetv3_small_050", weights="random", size=32),
            heavy=HeavyNet.Config(name="mobilenetv3_small_050", weights="random", size=32, frames=2),
        ),
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=3, batch_size=32),
        timesteps=8,
    )


def _peaks_below(root: int) -> Mapping[str, float]:
    processes = {pid: command_line(pid) for pid in descendants(root)}
    return {
        name: max([_peak_gib(pid) for pid, line in processes.items() if line.startswith(title)], default=0.0)
        for name, title in TITLES.items()
    }


def _peak_gib(pid: int) -> float:
    """Of a process that is there; 0 where it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max([int(line.split()[1]) / 2**20 for line in status if line.startswith("VmHWM")], default=0.0)
