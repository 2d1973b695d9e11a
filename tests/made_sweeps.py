"""Sweeps that tests look at, and how they are looked up in MLflow."""

import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from epitoma.datasets.manifest import Manifest
from tests.door import Door
from tests.mlflow_server import MlflowServer

IMPOSSIBLE = 9
"""More timesteps to keep than a video has candidates."""

if TYPE_CHECKING:
    from epitoma.sweeps.result import SweepResult
    from ray_jobs.sweep import SweepConfig

MakeSweep = Callable[..., "SweepConfig"]


@pytest.fixture(scope="session")
def sweep_door(mlflow_server: MlflowServer) -> Iterator[Door]:
    """Where all sweeps find MLflow."""
    door = Door(mlflow_server.port)
    yield door
    door.shut()


@pytest.fixture(scope="session")
def make_sweep(dataset: Manifest, trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeSweep:
    """Configs of sweeps over a space, like the run that is there, with its features."""

    # Imported here, because most tests need no Ray, which takes seconds.
    from ray_jobs.sweep import SweepConfig

    def made(name: str, space: str, **settings: object) -> "SweepConfig":
        folder = tmp_path_factory.mktemp(name)
        (folder / "space.py").write_text(f"from ray import tune\n{space}\n")
        return SweepConfig(
            manifest=dataset.path,
            name=name,
            **{
                "space": str(folder / "space.py"),
                "like": trained_run,
                "runs": folder / "runs",
                "features": trained_run.parent / "features",
                **settings,
            },
        )

    return made


@dataclass(frozen=True, kw_only=True)
class Swept:
    """A sweep that has run.

    Attributes:
        config: What was asked.
        result: What it found.
        said: What it printed.
        complained: What it printed to standard error.
        sent: What was said when MLflow was told the rest.
    """

    config: "SweepConfig"
    result: "SweepResult"
    said: str
    complained: str
    sent: str


@pytest.fixture(scope="session")
def swept(make_sweep: MakeSweep, sweep_door: Door) -> Swept:
    """Two good trials, one that cannot be run, and a server that dies when the first run is there."""
    from ray_jobs.report import SyncConfig, report
    from ray_jobs.sweep import sweep

    grid = f"tune.grid_search([1, 2, {IMPOSSIBLE}])"
    config = make_sweep(
        "sweep",
        f"SPACE = {{'sparsity.target_timesteps': {grid}, 'head.selector.kernels': tune.choice([4, 8]),\n"
        "         'optimisation.epochs': 30, 'optimisation.validate_every': 10}",
    )
    killer = Thread(target=_stop_when_there, args=(sweep_door, config.folder / "trials"), daemon=True)
    killer.start()
    said, complained, sent = StringIO(), StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", sweep_door.uri)
        with redirect_stdout(said), redirect_stderr(complained):
            result = sweep(config)
        killer.join()
        sweep_door.open()
        with redirect_stdout(sent):
            report(SyncConfig(run=config.folder))
    return Swept(
        config=config,
        result=result,
        said=said.getvalue(),
        complained=complained.getvalue(),
        sent=sent.getvalue(),
    )


def _stop_when_there(server: Door, trials: Path) -> None:
    while not list(trials.glob("*/mlflow.json")):
        time.sleep(0.05)
    server.shut()


def mlflow_run(door: Door, name: str):
    """A run by its name."""
    from mlflow import MlflowClient

    client = MlflowClient(door.uri)
    experiment = client.get_experiment_by_name("epitoma").experiment_id
    (run,) = client.search_runs([experiment], filter_string=f"attributes.run_name = '{name}'")
    return run


def children(door: Door, config: "SweepConfig") -> dict:
    """Runs that are nested in a sweep's, by name."""
    from mlflow import MlflowClient

    parent = mlflow_run(door, config.name)
    client = MlflowClient(door.uri)
    nested = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    runs = client.search_runs([parent.info.experiment_id], filter_string=nested)
    return {run.info.run_name: run for run in runs}
