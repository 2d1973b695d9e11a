"""What a trial failed of is kept with the exit code of a job that fails so, in real runs of Tune."""

import errno
import gc
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import pytest
import ray
import ray.tune

from epitoma.core.errors import BAD_INPUT, TRY_AGAIN, ClusterError, ConfigError, RunError, StorageError
from epitoma.on_ray.tune.search_space import SearchSpace
from epitoma.on_ray.tune.trials import TrialWork, run_one
from epitoma.on_ray.tune.tuner import TunePlan, run_trials
from epitoma.sweeps.result import TRIALS, read_sweep
from epitoma.sweeps.trial import ERROR_FILE, TrialError, TrialResult, read_error
from epitoma.training.run_config import TrainConfig

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x")


class Watcher:
    """Keeps what it is told of the ends of trials, and may fail itself."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.errors: dict[str, str | None] = {}

    def started(self, trial: str, changes: dict[str, Any]) -> None:
        pass

    def reported(self, trial: str, metrics: dict[str, Any]) -> None:
        if self.fault is not None:
            raise self.fault

    def ended(self, trial: str, error: str | None) -> None:
        self.errors[trial] = error


def fail(work: TrialWork, name: str, changes: dict[str, Any], *, started: float) -> TrialResult:
    match changes["fault"]:
        case "full":
            raise FULL
        case "lost":
            raise ray.exceptions.ObjectLostError("0" * 56, None, "")
        case "config":
            raise ConfigError("lower it")
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a bug")


def failing_trial(changes: dict[str, Any], work: TrialWork) -> None:
    run_one(fail, changes, work)


def trial_that_never_begins(changes: dict[str, Any], work: TrialWork) -> None:
    raise ModuleNotFoundError("No module named 'my_parts'")


def reporting_trial(changes: dict[str, Any], work: TrialWork) -> None:
    ray.tune.report({"score": 1.0})


@pytest.fixture
def run(ray_cluster, tmp_path: Path):
    """Run a trial for each fault, with real Tune, in the folder of a sweep."""

    def run_all(trial: Any, *faults: str, watcher: Watcher | None = None) -> Watcher:
        space = SearchSpace(
            name="faults",
            text="",
            fixed={},
            grids={"fault": [*faults]},
            ranges={},
            search="variants",
            trials=1,
        )
        plan = TunePlan(
            space=space,
            trials=1,
            concurrent=1,
            scheduler="none",
            resources={"CPU": 0.5},
            reuse_processes=False,
            max_reports=1,
            seed=0,
            folder=tmp_path,
        )
        nothing = ray.put(None)
        work = TrialWork(
            base=TrainConfig(manifest=Path("m"), name="x"),
            space="faults",
            fixed={},
            data=nothing,
            networks=nothing,
            manifest=None,  # pyright: ignore[reportArgumentType]
            folder=tmp_path / TRIALS,
            threads=1,
        )
        watcher = watcher or Watcher()
        run_trials(plan, trial, work, watcher, resume=False)
        return watcher

    yield run_all
    with warnings.catch_warnings():
        # Of Tune's own logs, where it gives up.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def kept(folder: Path) -> dict[str, int | None]:
    """Exit code of each failed trial by what its error begins with."""
    errors = [read_error(file.parent) for file in (folder / TRIALS).glob(f"*/{ERROR_FILE}")]
    assert all(isinstance(error, TrialError) for error in errors)
    return {error.reason.partition(":")[0]: error.exit_code for error in errors}


@pytest.mark.long
def test_the_exit_code_of_each_error_is_kept_beside_it(run, tmp_path):
    watcher = run(failing_trial, "full", "lost", "config", "killed", "bug")
    assert kept(tmp_path) == {
        "OSError": TRY_AGAIN,
        "ObjectLostError": TRY_AGAIN,
        "its process died (see the sweep's logs)": TRY_AGAIN,
        "ConfigError": BAD_INPUT,
        "AssertionError": 1,
    }
    assert "ConfigError: lower it" in watcher.errors.values()
    assert all("exit code" not in error for error in watcher.errors.values())
    with pytest.raises(
        RunError, match=r"has no result: 5 trials failed, \w+ with (ConfigError|AssertionError)"
    ) as told:
        read_sweep(tmp_path)
    assert told.value.exit_code == BAD_INPUT


@pytest.mark.long
def test_a_sweep_whose_trials_all_failed_of_what_may_heal_may_be_run_again(run, tmp_path):
    run(failing_trial, "full", "killed")
    with pytest.raises(RunError, match=r"2 trials failed, .*go on with it by --resume") as told:
        read_sweep(tmp_path)
    assert told.value.exit_code == TRY_AGAIN


def test_a_trial_that_fails_before_it_begins_has_not_died(run, tmp_path):
    """As where workers lack a plugin: no second try heals that."""
    watcher = run(trial_that_never_begins, "x")
    assert kept(tmp_path) == {"ModuleNotFoundError": 1}
    assert list(watcher.errors.values()) == ["ModuleNotFoundError: No module named 'my_parts'"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(FULL, OSError), (StorageError("no room"), StorageError), (KeyError("a bug"), KeyError)],
    ids=lambda value: type(value).__name__,
)
def test_what_tune_gave_up_for_is_raised(run, fault, expected):
    with pytest.raises(expected) as told:
        run(reporting_trial, "x", watcher=Watcher(fault))
    assert not isinstance(told.value, RunError)
    assert str(told.value) == str(fault)


def test_what_ray_lost_while_tune_ran_is_the_clusters(run):
    with pytest.raises(ClusterError, match=r"Ray lost what the job needs \(no answer\)") as told:
        run(reporting_trial, "x", watcher=Watcher(ray.exceptions.GetTimeoutError("no answer")))
    assert told.value.exit_code == TRY_AGAIN


def test_what_only_tune_knows_is_one_line(run):
    with pytest.raises(RunError, match=r"Tune gave up on .*: ValueError: odd") as told:
        run(reporting_trial, "x", watcher=Watcher(ValueError("odd")))
    assert told.value.exit_code == BAD_INPUT
