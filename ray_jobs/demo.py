"""Demo of the main steps on synthetic videos: dataset, features, selector and classifier, evaluation, MLflow.

It trains on frozen networks: training these too takes many times longer on two cores before it gains anything
(``benchmarks/end_to_end``).
"""

import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path

from epitoma.core.config import CONFIG_FILE
from epitoma.core.gpu import GpuOption
from epitoma.evaluation.tradeoff import ClassifierName, SamplingName, TradeoffPoint, find
from epitoma.files.json_files import read_json, write_json
from epitoma.files.presence import is_file, is_folder
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import say
from epitoma.tracking.address import check_store, store_uri
from epitoma.training.checkpoint import MODEL
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.demo_configs import demo_dataset, demo_reference, demo_selector
from ray_jobs.prepare import PrepareSynthetic, prepare
from ray_jobs.train import train

SUMMARY = "summary.json"


@dataclass(kw_only=True)
class DemoConfig(GpuOption):
    """Options of the demo.

    Attributes:
        runs: Folder for everything that the demo writes.
    """

    runs: Path = Path("runs/demo")


def demo(config: DemoConfig) -> dict[str, float]:
    """Run the steps that have not been run yet, print the summary, and return it."""
    check_store(config.runs)
    summary = config.runs / SUMMARY
    if is_file(summary):
        say(f"the demo has run already; remove {config.runs} to run it again")
    else:
        started = time.perf_counter()
        config.runs.mkdir(parents=True, exist_ok=True)
        with ray_session(logs=config.runs / "logs"):
            values = _run(config)
        write_json(summary, {**values, "seconds": time.perf_counter() - started})
    values = read_json(summary)
    _print(values, config.runs)
    return values


def _run(config: DemoConfig) -> dict[str, float]:
    runs, gpu = config.runs, config.gpu
    say("epitoma demo: real H.264 videos, a few minutes on two cores")
    dataset = PrepareSynthetic(output=runs / "dataset", dataset=demo_dataset())
    manifest = prepare(dataset).path
    for make in (demo_selector, demo_reference):
        _train_once(replace(make(runs, manifest), gpu=gpu))
    evaluation = EvaluateConfig(
        run=demo_selector(runs, manifest).folder,
        manifest=manifest,
        reference=demo_reference(runs, manifest).folder,
        gpu=gpu,
    )
    validation = evaluate(replace(evaluation, split="validation", quiet=True))
    return summarise(validation, evaluate(evaluation))


def _train_once(config: TrainConfig) -> None:
    """Train unless the run is finished; an interrupted run is resumed."""
    if not is_folder(config.folder / MODEL):
        train(replace(config, resume=is_file(config.folder / CONFIG_FILE)))


def summarise(validation: list[TradeoffPoint], test: list[TradeoffPoint]) -> dict[str, float]:
    """Compute the demo's results on the test split.

    All choices are made on the validation split: the gates' own number of timesteps or a fixed budget, and for each
    other sampling the classifier that scores better with it. Uniform and random sampling keep as many timesteps as the
    selector does, rounded up.
    """
    selector = _best_selection(validation, test)
    dense = _stronger(validation, test, "dense")
    budget = min(p.budget for p in test if p.sampling == "uniform" and p.budget >= selector.timesteps)
    return {
        "dense_accuracy": dense.score,
        "selector_accuracy": selector.score,
        "uniform_accuracy": _stronger(validation, test, "uniform", budget).score,
        "random_accuracy": _stronger(validation, test, "random", budget).score,
        "candidate_timesteps": dense.timesteps,
        "selected_timesteps": selector.timesteps,
        "compared_timesteps": budget,
        "gmacs_dense": dense.gmacs,
        "gmacs_selector": selector.gmacs,
        "selection_precision": selector.selection_precision or 0.0,
        "evidence_share": dense.selection_precision or 0.0,
    }


def _stronger(
    validation: list[TradeoffPoint],
    test: list[TradeoffPoint],
    sampling: SamplingName,
    budget: int | None = None,
) -> TradeoffPoint:
    """Test point of a sampling with the classifier that scores better on validation, at the nearest budget there."""

    def on_validation(classifier: ClassifierName) -> float:
        points = [p for p in validation if (p.sampling, p.classifier) == (sampling, classifier)]
        return min(points, key=lambda point: abs(point.budget - (budget or point.budget))).score

    better = "own" if on_validation("own") > on_validation("reference") else "reference"
    return find(test, sampling, classifier=better, budget=budget)


def _best_selection(validation: list[TradeoffPoint], test: list[TradeoffPoint]) -> TradeoffPoint:
    """Test point of the gate or selector budget that scores best on validation, among those that save enough.

    Enough means: at most a quarter of the candidates kept, and at most half of the GMACs of dense sampling.
    """
    dense = find(validation, "dense")
    ways = [
        point
        for point in validation
        if point.sampling in ("gate", "selector")
        and point.timesteps <= dense.timesteps / 4
        and point.gmacs <= dense.gmacs / 2
    ]
    best = max(ways, key=lambda point: (point.score, point.sampling == "gate"))
    return find(test, best.sampling, budget=best.budget if best.sampling == "selector" else None)


def _print(values: dict[str, float], runs: Path) -> None:
    say("")
    say(
        f"kept {values['selected_timesteps']:.1f} of {values['candidate_timesteps']:.0f} timesteps, "
        f"{values['gmacs_selector'] / values['gmacs_dense']:.0%} of the computation: "
        f"accuracy {values['selector_accuracy']:.3f} against {values['dense_accuracy']:.3f} for all of them"
    )
    say(
        f"as many timesteps chosen uniformly: {values['uniform_accuracy']:.3f}, "
        f"at random: {values['random_accuracy']:.3f}"
    )
    say(
        f"{values['selection_precision']:.0%} of the kept timesteps show evidence, "
        f"which fills {values['evidence_share']:.0%} of the videos"
    )
    say(f"figure:  {runs / 'selector' / 'evaluation_test' / 'tradeoff.png'}")
    say(f"MLflow:  mlflow ui --backend-store-uri {shlex.quote(store_uri(runs))}")
    say(f"took {values['seconds']:.0f} s; summary: {runs / SUMMARY}")


def main() -> None:
    """Run the command."""
    run_job(DemoConfig, demo, about=__doc__)


if __name__ == "__main__":
    main()
