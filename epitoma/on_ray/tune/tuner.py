"""Ray Tune around trials: search, schedule, restore, and tell whoever watches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import ray.tune
from ray.tune import Callback, TuneError
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch

from epitoma.core.errors import RunError
from epitoma.files.ownership import refuse_what_others_can_write
from epitoma.on_ray.tune.search_space import SearchSpace
from epitoma.on_ray.tune.trials import COST, SCORE, Trial, TrialWork, error_of
from epitoma.sweeps.result import TRIALS

TUNE_FOLDER = "tune"
Scheduler = Literal["none", "asha"]


class TrialWatcher(Protocol):
    """Someone who follows a sweep."""

    def started(self, trial: str, changes: dict[str, Any]) -> None:
        """A trial begins, or goes on."""
        ...

    def reported(self, trial: str, metrics: dict[str, Any]) -> None:
        """A trial has been validated."""
        ...

    def ended(self, trial: str, error: str | None) -> None:
        """A trial is done, was stopped early, or failed."""
        ...


@dataclass(frozen=True, kw_only=True)
class TunePlan:
    """How trials are chosen and run.

    Attributes:
        space: What is searched.
        trials: How many.
        concurrent: How many at a time.
        scheduler: ``asha`` stops bad trials early.
        resources: Of one trial.
        reuse_processes: One trial's process serves the next: saves seconds, where a stopped trial leaves it at once.
        max_reports: More than any trial may report.
        seed: Of the search.
        folder: Of the sweep.
    """

    space: SearchSpace
    trials: int
    concurrent: int
    scheduler: Scheduler
    resources: dict[str, float]
    reuse_processes: bool
    max_reports: int
    seed: int
    folder: Path


def run_trials(plan: TunePlan, trial: Trial, work: TrialWork, watcher: TrialWatcher, *, resume: bool) -> None:
    """Run all trials, or those that are not done yet.

    Raises:
        RunError: Tune gave up.
    """
    goes_on = resume and _has_begun(plan)
    if goes_on:
        # Tune unpickles what it noted of its trials, so that must be of this account's own making.
        refuse_what_others_can_write(plan.folder / TUNE_FOLDER)
    trainable = ray.tune.with_resources(ray.tune.with_parameters(trial, work=work), plan.resources)
    is_optuna = plan.space.search == "optuna"
    try:
        # Not by a Tuner: that one restores its callbacks from a pickle, which no watcher of this process survives.
        ray.tune.run(
            trainable,
            name=TUNE_FOLDER,
            storage_path=str(plan.folder.resolve()),
            config=plan.space.param_space,
            num_samples=plan.trials,
            search_alg=_search(plan),
            scheduler=_scheduler(plan),
            # A grid search bounds them itself; told both, Tune refuses.
            max_concurrent_trials=plan.concurrent if is_optuna else None,
            reuse_actors=plan.reuse_processes,
            callbacks=[WatcherCallback(plan.folder, watcher)],
            # Finished trials are kept; others, and those that failed, go on from their checkpoints.
            resume="AUTO+ERRORED" if goes_on else None,
            raise_on_failed_trial=False,
            verbose=0,
        )
    except TuneError as error:
        raise RunError(f"Tune gave up on {plan.folder}: {str(error).splitlines()[-1]}") from error


def _search(plan: TunePlan) -> OptunaSearch | BasicVariantGenerator:
    if plan.space.search == "optuna":
        return OptunaSearch(metric=[SCORE, COST], mode=["max", "min"], seed=plan.seed)
    return BasicVariantGenerator(random_state=plan.seed, max_concurrent=plan.concurrent)


def _has_begun(plan: TunePlan) -> bool:
    """Whether Tune has noted any trial; a sweep that was cut off before that begins anew."""
    place = plan.folder / TUNE_FOLDER
    return any(place.glob("experiment_state-*.json"))


def _scheduler(plan: TunePlan) -> FIFOScheduler | ASHAScheduler:
    if plan.scheduler == "none":
        return FIFOScheduler()
    return ASHAScheduler(metric=SCORE, mode="max", max_t=plan.max_reports, grace_period=1, reduction_factor=3)


class WatcherCallback(Callback):
    """Passes Tune's events on to a watcher in this process.

    Args:
        folder: Of the sweep.
        watcher: Who follows it.
    """

    def __init__(self, folder: Path, watcher: TrialWatcher) -> None:
        self.folder = folder
        self.watcher = watcher

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial begins, or goes on."""
        self.watcher.started(trial.trial_id, trial.config)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial has something to tell."""
        self.watcher.reported(trial.trial_id, result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial is done."""
        self.watcher.ended(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial failed."""
        self.watcher.ended(trial.trial_id, error_of(self.folder / TRIALS / trial.trial_id))
