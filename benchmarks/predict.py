"""How long recognising takes, decoding included, when fewer timesteps are kept: `python -m benchmarks.predict`.

The job `predict` at T/2, T/4 and T/8 against itself with all T (a model without a selector, so LightNet does not look),
and against a plain PyTorch loop that decodes all T with torchcodec and shows them to the same HeavyNet on as many
cores. Everything from the call of the job to the table of predictions counts, its processes' start too; of the loop
neither imports nor the building of its network do. The models are untrained: what they say does not matter here.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.decode import peers_python
from benchmarks.footage import footage
from benchmarks.numbers import told_and_kept
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, build_model
from epitoma.on_ray.cluster.runtime import cluster_cpus, ray_session
from epitoma.reporting.console import phase
from epitoma.training.checkpoint import MODEL, save_model, state_of
from epitoma.video.compose import write_video
from ray_jobs.parts.command_line import run_job
from ray_jobs.predict import PredictConfig, predict

WIDTH, HEIGHT, FPS = 320, 240, 15
ROOT = Path("runs/benchmarks")


@dataclass(kw_only=True)
class PredictBenchmark:
    """What to measure.

    Attributes:
        videos: How many.
        different: How many of them are made; the others are links to these.
        seconds: Length of each.
        timesteps: Candidates T of each.
        heavy: HeavyNet; the loop with torchcodec is left out for others than ``i3d``.
        light_size: Side of LightNet's frames in pixels.
        peer_videos: How many of them the loop with torchcodec is timed on; told as if it had done all.
        peer_python: A Python that has torchcodec; made where it is not given.
        json: Where to write the result.
    """

    videos: int = 48
    different: int = 24
    seconds: int = 140
    timesteps: int = 32
    heavy: str = "i3d"
    light_size: int = 112
    peer_videos: int = 24
    peer_python: Path | None = None
    json: Path | None = None


def measure(config: PredictBenchmark) -> dict[str, float]:
    """Time every way once, and say how they compare."""
    videos = _videos(config)
    parts = {"dense": 1, "half": 2, "quarter": 4, "eighth": 8}
    with tempfile.TemporaryDirectory() as folder, ray_session(logs=ROOT / "logs"):
        runs = _models(config, Path(folder))
        # Workers that are there already serve all ways alike.
        _seconds(runs["selector"], videos, Path(folder) / "warm", budget=1)
        seconds = {
            name: _seconds(
                runs["dense" if part == 1 else "selector"],
                videos,
                Path(folder) / name,
                budget=None if part == 1 else config.timesteps // part,
            )
            for name, part in parts.items()
        }
        cores = int(cluster_cpus())
    if config.heavy == "i3d":
        seconds["torchcodec_dense"] = _peer_seconds(config, videos, cores=cores)
    return {
        **compared(seconds),
        "cores": cores,
        **{f"seconds_{name}": spent for name, spent in seconds.items()},
    }


def compared(seconds: Mapping[str, float]) -> dict[str, float]:
    """Each way against all timesteps, and a quarter of them against the loop with torchcodec."""
    ratios = {
        f"wall_ratio_{name}": seconds[name] / seconds["dense"] for name in ("half", "quarter", "eighth")
    }
    if "torchcodec_dense" in seconds:
        ratios["speedup_over_torchcodec_dense"] = seconds["torchcodec_dense"] / seconds["quarter"]
    return ratios


def _videos(config: PredictBenchmark) -> Path:
    """A folder of made-up videos, written where they are missing."""
    folder = ROOT / f"predict_videos_{config.videos}x{config.seconds}_{config.different}"
    folder.mkdir(parents=True, exist_ok=True)
    with phase("make videos") as advance:
        for number in range(config.videos):
            file = folder / f"{number:03}.mp4"
            if not file.is_file() and number >= config.different:
                os.link(folder / f"{number % config.different:03}.mp4", file)
            elif not file.is_file():
                frames = footage(config.seconds * FPS, width=WIDTH, height=HEIGHT, seed=number)
                made = file.with_suffix(".part.mp4")
                write_video(made, frames, fps=FPS, codec="libx264", gop=250, preset="veryfast")
                made.replace(file)
            advance(number + 1, config.videos)
    return folder


def _models(config: PredictBenchmark, folder: Path) -> dict[str, Path]:
    """A model with a selector, and the same without."""
    torch.manual_seed(0)
    networks = NetworksConfig(
        light=LightNet.Config(name="mobilenetv3_small_100", weights="random", size=config.light_size),
        heavy=HeavyNet.Config(name=config.heavy, weights="random"),
    )
    classes = tuple(f"class {number}" for number in range(10))
    selecting = ModelConfig(
        networks=networks, head=HeadConfig(), classes=classes, multi_label=False, timesteps=config.timesteps
    )
    state = state_of(build_model(selecting))
    configs = {"selector": selecting, "dense": replace(selecting, has_selector=False)}
    for name, model in configs.items():
        save_model(folder / name / MODEL, config=model, state=state)
    return {name: folder / name for name in configs}


def _seconds(run: Path, videos: Path, output: Path, *, budget: int | None) -> float:
    started = time.perf_counter()
    predictions = predict(PredictConfig(model=run, input=str(videos), output=output, budget=budget))
    spent = time.perf_counter() - started
    if len(predictions) != len(list(videos.iterdir())):
        raise RuntimeError(f"{len(predictions)} predictions of the videos in {videos}")
    return spent


def _peer_seconds(config: PredictBenchmark, videos: Path, *, cores: int) -> float:
    count = min(config.peer_videos, config.videos)
    python = config.peer_python or peers_python()
    command = [python, "-m", "benchmarks.predict_peer", videos, config.timesteps, cores, count]
    with phase("the loop with torchcodec"):
        done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["seconds"] * config.videos / count


def main() -> None:
    """The command."""
    run_job(PredictBenchmark, lambda config: told_and_kept(measure(config), config.json), about=__doc__)


if __name__ == "__main__":
    main()
