"""How long a sweep takes, what of it is overhead, and what it finds: `python -m benchmarks.sweep`.

The dataset is the demo's, features are extracted before the clock starts. Overhead of a trial is what Tune's processes
were busy with beside training and measuring: wall-clock times the trials at a time, less the trials' own seconds.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from epitoma.core.config import to_dict
from epitoma.datasets.manifest import Manifest
from epitoma.files.json_files import read_json, write_json
from epitoma.on_ray.cluster.runtime import cluster_cpus, ray_session
from epitoma.reporting.console import say
from epitoma.sweeps.result import SweepResult
from ray_jobs.extract import ExtractConfig, extract
from ray_jobs.parts.demo_configs import demo_dataset, demo_selector
from ray_jobs.parts.sweep_report import FRONT_JSON
from ray_jobs.prepare import PrepareSynthetic, prepare
from ray_jobs.sweep import SweepConfig, sweep

PIXEL_SPACE = """from ray import tune
TRIALS = 1
SPACE = {"optimisation.epochs": 2, "optimisation.validate_every": 2, "optimisation.network_learning_rate": 0.0}
"""


@dataclass(kw_only=True)
class SweepBenchmark:
    """What to measure.

    Attributes:
        work: Where dataset, features and sweeps are kept; dataset and features are made once.
        space: The space of the large sweep.
        trials: Its trials.
        pixels: Compare one trial from pixels with one from features, too.
        json: Where to write the result.
    """

    work: Path = Path("runs/benchmarks/sweep")
    space: str = "tune_spaces.pareto"
    trials: int = 64
    pixels: bool = True
    json: Path | None = None


def main() -> None:
    """Sweep, and print and write what it took."""
    config = tyro.cli(SweepBenchmark, description=__doc__)
    with ray_session(logs=config.work / "logs"):
        manifest = prepare(PrepareSynthetic(output=config.work / "dataset", dataset=demo_dataset()))
        large = prepared(config, manifest)
        started = time.perf_counter()
        result = sweep(large)
        measured = summary(large, result, total_seconds=time.perf_counter() - started)
        if config.pixels:
            measured["pixel_trial_ratio"] = pixel_trial_ratio(config, large)
    for name, value in measured.items():
        say(f"  {name:<32} {value:.4g}")
    if config.json is not None:
        write_json(config.json, measured)


def prepared(config: SweepBenchmark, manifest: Manifest) -> SweepConfig:
    """The large sweep, with a name that is free, and the features it trains on."""
    like = config.work / "like.json"
    base = demo_selector(config.work, manifest.path)
    write_json(like, to_dict(base))
    features = config.work / "features"
    extract(
        ExtractConfig(manifest=manifest.path, features=features, networks=base.networks, timesteps=base.dense)
    )
    number = len(list(config.work.glob("sweep_*")))
    return SweepConfig(
        manifest=manifest.path,
        name=f"sweep_{number}",
        space=config.space,
        like=like,
        runs=config.work,
        trials=config.trials,
        features=features,
    )


def summary(config: SweepConfig, result: SweepResult, *, total_seconds: float) -> dict[str, Any]:
    """What the sweep took and found."""
    front, trials = read_json(config.folder / FRONT_JSON), len(result.trials)
    busy = front["tune_seconds"] * min(trials, int(cluster_cpus()))
    own = sum(trial.seconds for trial in result.trials)
    return {
        "total_seconds": total_seconds,
        "trials": trials,
        "seconds_per_trial": own / trials,
        "overhead_seconds_per_trial": (busy - own) / trials,
        "hypervolume_ratio": front["hypervolume_ratio"],
        "hypervolume_ratio_milliseconds": front["hypervolume_ratio_milliseconds"],
        "uniform_not_dominated": len(front["uniform_not_dominated"]),
    }


def pixel_trial_ratio(config: SweepBenchmark, large: SweepConfig) -> float:
    """Seconds of one trial from pixels over those of the same one from features, both of two epochs."""
    space = config.work / "two_epochs.py"
    space.write_text(PIXEL_SPACE)
    seconds = {}
    for source in ("features", "pixels"):
        one = replace(large, name=f"{large.name}_{source}", space=str(space), trials=1, source=source)
        sweep(one)
        seconds[source] = read_json(one.folder / FRONT_JSON)["tune_seconds"]
    return seconds["pixels"] / seconds["features"]


if __name__ == "__main__":
    main()
