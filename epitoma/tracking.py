"""MLflow: every run's params, metrics, figures and model, and an honest status at its end."""

import json
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
logging.getLogger("alembic").setLevel(logging.ERROR)

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunStatus  # noqa: E402
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS  # noqa: E402

EXPERIMENT = "epitoma"
RUN_ID_FILE = "mlflow_run_id"
MAX_PARAM_LENGTH = 6000


class RunTracker:
    """One MLflow run, written to from any thread of this process."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def params(self, params: dict[str, Any]) -> None:
        """Log what the run was asked to do; a param that is logged already stays."""
        known = self.client.get_run(self.run_id).data.params
        new = {name: str(value)[:MAX_PARAM_LENGTH] for name, value in params.items() if name not in known}
        self.client.log_batch(self.run_id, params=[Param(name, value) for name, value in new.items()])

    def metrics(self, metrics: dict[str, float], *, step: int) -> None:
        """Log metrics at a step: an epoch, or a budget for the metrics under ``tradeoff/``."""
        now = int(time.time() * 1000)
        logged = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=logged)

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Keep a file, or a folder with all it holds."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), folder)
        else:
            self.client.log_artifact(self.run_id, str(path), folder)

    def table(self, rows: list[dict[str, Any]], *, name: str) -> None:
        """Keep rows as a table that MLflow can show, in place of an earlier one of that name.

        MLflow's own ``log_table`` would add the rows to the earlier ones.
        """
        columns = list(rows[0])
        table = {"columns": columns, "data": [[row[column] for column in columns] for row in rows]}
        self.client.log_dict(self.run_id, table, f"{name}.json")
        tags = self.client.get_run(self.run_id).data.tags
        known = json.loads(tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
        entry = {"path": f"{name}.json", "type": "table"}
        if entry not in known:
            self.client.set_tag(self.run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*known, entry]))


def store_uri(runs: Path) -> str:
    """Where runs are tracked: MLFLOW_TRACKING_URI, or else a SQLite file in the folder of runs."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(runs / 'mlflow.db').resolve()}"


@contextmanager
def tracked_run(folder: Path, *, params: dict[str, Any]) -> Iterator[RunTracker]:
    """An MLflow run for the block, named after the run's folder and remembered there.

    A folder that remembers a run goes on with it. The run ends FINISHED, FAILED if the block raised, or
    KILLED if a person or the cluster stopped it.
    """
    runs = folder.parent
    runs.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(store_uri(runs))
        run_id = _remembered(client, folder) or _created(client, folder)
        client.update_run(run_id, status=RunStatus.to_string(RunStatus.RUNNING))
    tracker = RunTracker(client, run_id)
    status = RunStatus.FAILED
    try:
        tracker.params(params)
        yield tracker
        status = RunStatus.FINISHED
    except (KeyboardInterrupt, SystemExit):
        status = RunStatus.KILLED
        raise
    finally:
        client.set_terminated(run_id, status=RunStatus.to_string(status))


def _remembered(client: MlflowClient, folder: Path) -> str | None:
    """The run that the folder remembers, unless its store is another one or has lost it."""
    file = folder / RUN_ID_FILE
    if not file.is_file():
        return None
    remembered = json.loads(file.read_text())
    if remembered["store"] != client.tracking_uri:
        return None
    try:
        return client.get_run(remembered["run_id"]).info.run_id
    except mlflow.MlflowException:
        return None


def _created(client: MlflowClient, folder: Path) -> str:
    run = client.create_run(_experiment(client, folder.parent), run_name=folder.name)
    folder.mkdir(parents=True, exist_ok=True)
    remembered = {"run_id": run.info.run_id, "store": client.tracking_uri}
    (folder / RUN_ID_FILE).write_text(json.dumps(remembered) + "\n")
    return run.info.run_id


def _experiment(client: MlflowClient, runs: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return found.experiment_id
    local = store_uri(runs).startswith("sqlite:")
    place = (runs / "mlartifacts").resolve().as_uri() if local else None
    try:
        return client.create_experiment(EXPERIMENT, artifact_location=place)
    except mlflow.MlflowException:
        made_meanwhile = client.get_experiment_by_name(EXPERIMENT)
        if made_meanwhile is None:
            raise
        return made_meanwhile.experiment_id
