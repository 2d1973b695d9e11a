"""Running trials with Ray Tune: search algorithm, scheduler, resuming, and callbacks to a watcher."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import ray.tune
from ray.exceptions import RayError
from ray.tune import Callback, TuneError
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch

from epitoma.core.errors import RunError, last_line
from epitoma.files.ownership import check_ownership
from epitoma.files.presence import entries_of
from epitoma.on_ray.cluster.placement import fits_a_node, label_selector
from epitoma.on_ray.cluster.ray_errors import BUGS, innermost, lost_error, own_error
from epitoma.on_ray.cluster.runtime import has_joined
from epitoma.on_ray.tune.reports import COST
from epitoma.on_ray.tune.search_space import SearchSpace
from epitoma.on_ray.tune.trials import Trial, TrialWork, failure_reason
from epitoma.reporting.console import say
from epitoma.sweeps.result import TRIALS
from epitoma.training.history import SCORE

TUNE_FOLDER = "tune"
Scheduler = Literal["none", "asha"]


class TrialWatcher(Protocol):
    """Receives the events of a sweep's trials."""

    def started(self, trial: str, changes: dict[str, Any]) -> None:
        """Called when a trial starts or resumes."""
        ...

    def reported(self, trial: str, metrics: dict[str, Any]) -> None:
        """Called with each report of a trial."""
        ...

    def ended(self, trial: str, error: str | None) -> None:
        """Called when a trial is done, was stopped early, or failed (then with its error)."""
        ...


@dataclass(frozen=True, kw_only=True)
class TunePlan:
    """How trials are chosen and run.

    Attributes:
        space: The search space.
        trials: Number of trials, or passes through the grids.
        concurrent: Most trials at a time.
        scheduler: ``asha`` stops bad trials early.
        resources: Ray resources of one trial.
        reuse_processes: Run the next trial in the process of an ended one, which saves seconds; only for trials that
            end at once when they are stopped.
        max_reports: Upper bound of a trial's number of reports, for ASHA.
        seed: Seed of the search.
        folder: Folder of the sweep.
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
    """Run all trials, or with ``resume`` those that are not done yet.

    Raises:
        Exception: What Tune gave up for: an error of ours or of the system, a bug, or a RunError with its line. Trials
            that fail do not raise.
    """
    goes_on = resume and _has_begun(plan)
    if goes_on:
        # Tune unpickles its stored state, which can run code, so only this account may have written it.
        check_ownership(plan.folder / TUNE_FOLDER)
    trainable = ray.tune.with_resources(ray.tune.with_parameters(trial, work=work), _place(plan))
    is_optuna = plan.space.search == "optuna"
    try:
        # Not a Tuner: it restores callbacks from a pickle, which would replace the watcher of this process by a copy.
        ray.tune.run(
            trainable,
            name=TUNE_FOLDER,
            storage_path=str(plan.folder.resolve()),
            config=plan.space.param_space,
            num_samples=plan.trials,
            search_alg=_search(plan),
            scheduler=_scheduler(plan),
            # BasicVariantGenerator has its own limit, and Tune refuses to be given both.
            max_concurrent_trials=plan.concurrent if is_optuna else None,
            reuse_actors=plan.reuse_processes,
            callbacks=[WatcherCallback(plan.folder, watcher)],
            # Finished trials are kept; unfinished and failed ones are run again, from their checkpoints.
            resume="AUTO+ERRORED" if goes_on else None,
            raise_on_failed_trial=False,
            verbose=0,
        )
    except TuneError as error:
        raise _cause(error, plan.folder) from error


def _cause(error: TuneError, folder: Path) -> Exception:
    """What Tune gave up for; it wraps whatever is raised while it handles a trial's events, in the driver."""
    inside: BaseException = error
    while isinstance(inside, TuneError) and (inside.__cause__ or inside.__context__):
        inside = inside.__cause__ or inside.__context__ or inside
    own = own_error(inside)
    if own is not None:
        return own
    bottom = innermost(inside)
    if isinstance(bottom, RayError):
        return lost_error(inside, str(folder / "logs"))
    return bottom if isinstance(bottom, BUGS) else RunError(f"Tune gave up on {folder}: {last_line(error)}")


def check_room(resources: dict[str, float]) -> None:
    """Print that no node that is up has the resources of a trial: Tune would wait for one without a message.

    Raises:
        RunError: No cluster was joined, so that none will come.
    """
    if fits_a_node(resources, role="train"):
        return
    lacking = f"no node has the {resources['CPU']:g} CPUs and {resources['GPU']:g} GPUs of one trial"
    if not has_joined():
        raise RunError(f"{lacking}: choose less, or join a cluster by RAY_ADDRESS")
    say(f"  {lacking} now: trials wait until the cluster gets one that has")


def _place(plan: TunePlan) -> ray.tune.PlacementGroupFactory:
    """Resources of a trial, on nodes that networks are trained on."""
    return ray.tune.PlacementGroupFactory(
        [plan.resources], "PACK", bundle_label_selector=[label_selector("train") or {}]
    )


def _search(plan: TunePlan) -> OptunaSearch | BasicVariantGenerator:
    if plan.space.search == "optuna":
        return OptunaSearch(metric=[SCORE, COST], mode=["max", "min"], seed=plan.seed)
    return BasicVariantGenerator(random_state=plan.seed, max_concurrent=plan.concurrent)


def _has_begun(plan: TunePlan) -> bool:
    """Whether Tune has stored its state; a sweep interrupted before that starts anew."""
    return bool(entries_of(plan.folder / TUNE_FOLDER, "experiment_state-*.json"))


def _scheduler(plan: TunePlan) -> FIFOScheduler | ASHAScheduler:
    if plan.scheduler == "none":
        return FIFOScheduler()
    return ASHAScheduler(metric=SCORE, mode="max", max_t=plan.max_reports, grace_period=1, reduction_factor=3)


class WatcherCallback(Callback):
    """Tune callback that passes events of trials on to a watcher in this process.

    Args:
        folder: Folder of the sweep.
        watcher: Receives the events.
    """

    def __init__(self, folder: Path, watcher: TrialWatcher) -> None:
        self.folder = folder
        self.watcher = watcher

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Pass on that a trial starts or resumes."""
        self.watcher.started(trial.trial_id, trial.config)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Pass on a trial's report."""
        self.watcher.reported(trial.trial_id, result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Pass on that a trial is done or was stopped early."""
        self.watcher.ended(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Pass on that a trial failed, with its error."""
        log = Path(trial.error_file).read_text(errors="replace") if trial.error_file else ""
        self.watcher.ended(trial.trial_id, failure_reason(self.folder / TRIALS / trial.trial_id, log))
