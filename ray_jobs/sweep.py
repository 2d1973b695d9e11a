"""Sweep a search space with Ray Tune: the tradeoff of accuracy and computation, logged to MLflow."""

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import ray

from epitoma.core.config import CONFIG_FILE, flatten, from_dict, to_dict
from epitoma.core.errors import ConfigError, RunError
from epitoma.core.gpu import GpuOption
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.files.atomic import write_text
from epitoma.files.json_files import read_json
from epitoma.files.local_paths import InputPath
from epitoma.files.ownership import check_ownership
from epitoma.files.presence import is_file, is_folder
from epitoma.models.videoepitoma import Networks, build_for_networks
from epitoma.on_ray.cluster.placement import cpus_for
from epitoma.on_ray.tune.search_space import (
    SearchSpace,
    changed,
    load_space,
    most_epochs,
    most_timesteps,
)
from epitoma.on_ray.tune.space_checks import check_combinations, check_values
from epitoma.on_ray.tune.trials import TrialWork, feature_trial, pixel_trial
from epitoma.on_ray.tune.tuner import Scheduler, TunePlan, check_room, run_trials
from epitoma.reporting.console import closing_line, live, say
from epitoma.sweeps.result import TRIALS, SweepResult, read_sweep
from epitoma.sweeps.trial import TrialData, read_head
from epitoma.tracking.address import check_store
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.checkpoint import MODEL, state_of
from epitoma.training.run_config import TrainConfig
from epitoma.training.starts import networks_alone
from ray_jobs.evaluate import evaluate, evaluation_of
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.confirm import confirm
from ray_jobs.parts.references import REFERENCE_TRIALS, train_references
from ray_jobs.parts.runs import claimed_run, save_run_model, tracked_job
from ray_jobs.parts.starting_point import starting_point
from ray_jobs.parts.sweep_data import shared_data
from ray_jobs.parts.sweep_report import keep_result, say_summary
from ray_jobs.parts.sweep_watcher import SweepWatcher, trial_config
from ray_jobs.train import train

SPACE_FILE = "space.py"


@dataclass(kw_only=True)
class SweepConfig(GpuOption):
    """Options of a sweep.

    Attributes:
        manifest: Manifest of the dataset.
        name: Name of the sweep's folder in ``runs``; must be new, unless resumed.
        space: Search space: dotted name of a module, or a Python file (see ``tune_spaces``).
        like: A run, or a JSON file of a run's options: values of the options that the space does not set.
        runs: Folder of runs, sweeps, and the MLflow store unless MLFLOW_TRACKING_URI is set.
        source: ``features`` trains each trial on stored features of frozen networks, in one process; ``pixels`` trains
            it end to end, with training workers of its own.
        trials: Number of trials; for a space with grids, passes through the grids. None uses the space's number.
        concurrent: Most trials at a time; None runs as many as the cluster's cores allow.
        scheduler: ``asha`` stops trials early that score badly; ``none`` lets all finish.
        cpus_per_trial: CPU cores, and threads, of a trial from features.
        gpus_per_trial: Share of a GPU that a trial from features has; 0 trains selector and classifier on CPUs.
        confirm: How many of the front's trials to train again, end to end from pixels, to check the ranking.
        confirm_epochs: Epochs of those runs; None uses each trial's own number.
        features: Folder of the feature stores; None uses ``runs/features``.
        seed: Seed of the search; trials use the seed of the run given by ``like``.
        resume: Continue the sweep of this name, with its stored space; finished trials are not run again.
    """

    manifest: InputPath
    name: str
    space: str = "tune_spaces.pareto"
    like: InputPath | None = None
    runs: Path = Path("runs")
    source: Literal["features", "pixels"] = "features"
    trials: int | None = None
    concurrent: int | None = None
    scheduler: Scheduler = "none"
    cpus_per_trial: float = 1
    gpus_per_trial: float = 0
    confirm: int = 0
    confirm_epochs: int | None = None
    features: Path | None = None
    seed: int = 0
    resume: bool = False

    def __post_init__(self) -> None:
        for name in ("trials", "concurrent", "confirm_epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        if self.source == "pixels" and (self.gpus_per_trial or self.cpus_per_trial != 1):
            raise ConfigError(
                "a trial from pixels has the workers of the run it is like (--workers of train)"
            )
        if self.cpus_per_trial <= 0 or self.gpus_per_trial < 0 or self.confirm < 0:
            raise ConfigError("cpus_per_trial must be above 0, gpus_per_trial and confirm at least 0")
        if self.gpus_per_trial and self.gpu == "false":
            raise ConfigError(f"gpus_per_trial {self.gpus_per_trial:g} needs a GPU, and gpu is false")

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return self.runs / self.name


def sweep(config: SweepConfig) -> SweepResult:
    """Run a sweep, and return its result.

    Raises:
        EpitomaError: Bad input: a space that cannot be run, a taken name, a missing dataset.
    """
    check_store(config.runs)
    kept = config.folder / SPACE_FILE
    goes_on = config.resume and is_file(kept)
    if goes_on:
        check_ownership(kept)
    space = load_space(str(kept) if goes_on else config.space)
    base = base_config(config)
    check_values(space, base, seed=config.seed)
    base = replace(base, store_timesteps=most_timesteps(space, base))
    manifest = read_manifest(config.manifest)
    check_combinations(space, base, seed=config.seed)
    for changes in REFERENCE_TRIALS.values():
        changed(base, {**space.fixed, **changes}, source=space.name)
    base, networks, _ = starting_point(base, manifest)
    with claimed_run(config):
        if config.resume:
            _check_resumed(config)
        write_text(kept, space.text)
        with tracked_job(config) as tracker:
            tracker.artifact(kept)
            if config.source == "features":
                check_room({"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial})
            result = _run(config, space, base, manifest, networks, tracker)
            if config.confirm:
                confirm(
                    config.folder,
                    result,
                    tracker,
                    train_again=partial(_trained_again, sweep=config),
                    count=config.confirm,
                    epochs=config.confirm_epochs,
                )
    return result


def _trained_again(run: TrainConfig, among: int | None, *, sweep: SweepConfig) -> list[TradeoffPoint]:
    """Train, or resume, a run nested in the sweep, and evaluate it on validation."""
    run = replace(run, gpu=sweep.gpu)  # A sweep may be resumed with other machines than its trials had.
    if not is_folder(run.folder / MODEL):
        train(replace(run, resume=is_file(run.folder / CONFIG_FILE)), parent=sweep.folder)
    return evaluate(replace(evaluation_of(run, split="validation"), candidates=among, quiet=True))


def base_config(config: SweepConfig) -> TrainConfig:
    """Build the config that every trial changes.

    Raises:
        ConfigError: ``like`` is neither a run nor a file of options.
    """
    base = TrainConfig(manifest=config.manifest, name=config.name, runs=config.runs)
    if config.like is not None:
        file = config.like / CONFIG_FILE if is_folder(config.like) else config.like
        if not is_file(file):
            raise ConfigError(f"no run and no file of options at {config.like}")
        base = from_dict(TrainConfig, read_json(file), source=str(file))
    return replace(
        base,
        manifest=config.manifest,
        name=config.name,
        runs=config.runs,
        features=config.features or config.runs / "features",
        source=config.source,
        gpu=config.gpu,
        selection="learnt",
        start_from=networks_alone(base.start_from),
        resume=False,
    )


def _check_resumed(config: SweepConfig) -> None:
    stored = from_dict(
        SweepConfig, read_json(config.folder / CONFIG_FILE), source=str(config.folder / CONFIG_FILE)
    )
    may_differ = {
        "resume": True,
        "gpu": config.gpu,
        "confirm": config.confirm,
        "confirm_epochs": config.confirm_epochs,
    }
    if replace(stored, **may_differ) != config:
        raise RunError(
            f"sweep {config.folder} was started with other settings than it is to be resumed with "
            f"(its own are in {config.folder / CONFIG_FILE}: give them with --config)"
        )


def _run(
    config: SweepConfig,
    space: SearchSpace,
    base: TrainConfig,
    manifest: Manifest,
    networks: Networks,
    tracker: RunTracker,
) -> SweepResult:
    data = shared_data(base, manifest, networks)
    work = TrialWork(
        base=base,
        space=space.name,
        fixed=space.fixed,
        data=ray.put(data),
        networks=ray.put(networks),
        manifest=manifest,
        folder=(config.folder / TRIALS).resolve(),
        threads=max(1, int(config.cpus_per_trial)),
    )
    score_name = "mAP" if manifest.multi_label else "accuracy"
    watcher = SweepWatcher(
        config.folder,
        trials=(config.trials or space.trials) * space.combinations,
        base={**flatten(to_dict(base)), **space.fixed},
        score_name=score_name,
    )
    try:
        train_references(work, watcher)
        seconds = _run_trials(config, space, base, work, watcher)
    finally:
        watcher.stopped()
    result = read_sweep(config.folder)
    # Before figures and all that is told: whatever may go wrong with those, the model is there.
    _keep_best(config.folder, result, data, networks)
    summary = keep_result(config.folder, result, tracker, score_name=score_name, tune_seconds=seconds)
    say_summary(summary, config.folder)
    return result


def _run_trials(
    config: SweepConfig, space: SearchSpace, base: TrainConfig, work: TrialWork, watcher: SweepWatcher
) -> float:
    """Run the trials with a live table, and return the seconds they took."""
    trial = feature_trial if config.source == "features" else pixel_trial
    started = time.perf_counter()
    with live() as watcher.show:
        run_trials(tune_plan(config, space, base), trial, work, watcher, resume=config.resume)
    seconds = time.perf_counter() - started
    closing_line(f"sweep {config.name} from {config.source}", seconds, f"{watcher.done} trials")
    for name, error in watcher.errors.items():
        say(f"  trial {name} failed: {error}")
    return seconds


def tune_plan(config: SweepConfig, space: SearchSpace, base: TrainConfig) -> TunePlan:
    """Settings of the Tune run."""
    # A trial from pixels only starts training workers, which reserve their own cores.
    cpus = config.cpus_per_trial if config.source == "features" else 0.1
    fits = max(1, int(cpus_for("train") / config.cpus_per_trial)) if config.source == "features" else 1
    resources = {"CPU": cpus, **({"GPU": config.gpus_per_trial} if config.gpus_per_trial else {})}
    return TunePlan(
        space=space,
        trials=config.trials or space.trials,
        concurrent=config.concurrent or fits,
        scheduler=config.scheduler,
        resources=resources,
        reuse_processes=config.source == "features",
        max_reports=most_epochs(space, base) + 2,
        seed=config.seed,
        folder=config.folder,
    )


def _keep_best(folder: Path, result: SweepResult, data: TrialData, networks: Networks) -> None:
    """Save the model at the front's knee as the sweep's model, for ``evaluate`` and other jobs that take a run."""
    place = folder / TRIALS / result.best.trial
    config = from_dict(TrainConfig, trial_config(place), source=str(place))
    model_config = config.model(classes=data.classes, multi_label=data.multi_label)
    model = build_for_networks(model_config, networks, keep_networks=True)
    state = {**state_of(model), **read_head(place)}
    save_run_model(folder, config=model_config, state=state)


def main() -> None:
    """Run the command."""
    run_job(SweepConfig, sweep, about=__doc__)


if __name__ == "__main__":
    main()
