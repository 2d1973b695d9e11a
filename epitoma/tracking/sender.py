"""The sender of a run: makes the run in MLflow's store, and turns the entries of its journal into calls of MLflow.

To import this file is to import MLflow, which takes seconds: only what tracks a run does.
"""

import json
import re
from pathlib import Path
from typing import Any, assert_never

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric, Param, RunTag

from epitoma.core.errors import TrackingError
from epitoma.reporting.console import complain
from epitoma.tracking.entries import (
    Artifact,
    Batch,
    Entry,
    Measurement,
    Metrics,
    Note,
    Params,
    Register,
    Status,
    Table,
    Tags,
    from_line,
)
from epitoma.tracking.journal import Journal
from epitoma.tracking.reaching import reaching

EXPERIMENT = "epitoma"
PARENT_TAG, NOTE_TAG, TABLES_TAG = "mlflow.parentRunId", "mlflow.note.content", "mlflow.loggedArtifacts"
"""Tags that MLflow's pages read."""

MOST_METRICS = 500
"""In one call."""

_RUN_LINK = re.compile(r"\[([^\]]+)\]\(run:([^)]+)\)")


class Sender:
    """Sends one run's journal to a store; one thread at a time may call it.

    Args:
        journal: Of the run: remembers the run in the store, and what has been sent.
        store: Address of the store.
        runs: The folder of runs, which gets the artifacts where the store is a local file.
        parent: Folder of the run that this one is nested in.

    Raises:
        TrackingError: The store cannot be reached.
    """

    def __init__(self, journal: Journal, *, store: str, runs: Path, parent: Path | None) -> None:
        with reaching(store):
            self.client = MlflowClient(store)
        self.journal = journal
        self.runs = runs
        self.parent = parent
        self._is_met = False

    @property
    def store(self) -> str:
        """Address of the store, which may hold a password."""
        return self.client.tracking_uri

    @property
    def run_id(self) -> str | None:
        """The run in the store; None until it is made there."""
        return self.journal.run_id(self.store)

    def begin(self) -> None:
        """Make the run in the store, if it is not there yet.

        Raises:
            TrackingError: The store cannot be reached.
        """
        with reaching(self.store):
            if not self._is_known():
                self.journal.begin(self._created(), store=self.store)

    def send_pending(self) -> None:
        """Send what the store has not got.

        Raises:
            TrackingError: The store cannot be reached.
        """
        with reaching(self.store):
            self.begin()
            for line in self.journal.pending():
                self._send(from_line(line))
                # After each, so that one that fails is sent again, and those before it are not.
                self.journal.mark_sent()

    def _is_known(self) -> bool:
        """Whether the store has this run; it may have lost it. Asked once."""
        if self.run_id is None or self._is_met:
            return self._is_met
        try:
            self.client.get_run(self.run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        self._is_met = True
        return True

    def _created(self) -> str:
        tags = {}
        if self.parent is not None:
            tags[PARENT_TAG] = self._id_of(self.parent)
        run = self.client.create_run(self._experiment_id(), run_name=self.journal.folder.name, tags=tags)
        self._is_met = True
        return run.info.run_id

    def _id_of(self, parent: Path) -> str:
        run_id = Journal(parent).run_id(self.store)
        if run_id is None:
            raise TrackingError(f"the run {parent}, which holds {self.journal.folder}, is not in MLflow yet")
        return run_id

    def _experiment_id(self) -> str:
        """The experiment of all runs, made where it is missing."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return found.experiment_id
        is_local = self.store.startswith("sqlite:")
        place = (self.runs / "mlartifacts").resolve().as_uri() if is_local else None
        try:
            return self.client.create_experiment(EXPERIMENT, artifact_location=place)
        except MlflowException:
            made_meanwhile = self.client.get_experiment_by_name(EXPERIMENT)
            if made_meanwhile is None:
                raise
            return made_meanwhile.experiment_id

    def _send(self, entry: Entry) -> None:
        match entry:
            case Params() | Metrics() | Tags():
                self._log_batch(entry)
            case Note(markdown):
                self.client.set_tag(self._id(), NOTE_TAG, _RUN_LINK.sub(self._link, markdown))
            case Artifact(path, folder):
                self._log_artifact(Path(path), folder=folder)
            case Register(name, folder):
                self._register(name, folder=folder)
            case Table(name, table):
                self._log_table(table, file=f"{name}.json")
            case Status(status, time):
                self._set_status(status, time=time)
            case _:
                assert_never(entry)

    def _log_batch(self, entry: Batch) -> None:
        match entry:
            case Params(params):
                self.client.log_batch(self._id(), params=self._new_params(params))
            case Metrics(metrics, time):
                self._log_metrics(metrics, time=time)
            case Tags(tags):
                self.client.log_batch(self._id(), tags=[RunTag(name, tag) for name, tag in tags.items()])
            case _:
                assert_never(entry)

    def _new_params(self, params: dict[str, str]) -> list[Param]:
        """Those that are not logged yet: MLflow refuses to change one."""
        known = self.client.get_run(self._id()).data.params
        return [Param(name, value) for name, value in params.items() if name not in known]

    def _log_metrics(self, metrics: list[Measurement], *, time: int) -> None:
        logged = [Metric(name, value, time, step) for name, value, step in metrics]
        for first in range(0, len(logged), MOST_METRICS):
            self.client.log_batch(self._id(), metrics=logged[first : first + MOST_METRICS])

    def _link(self, found: re.Match[str]) -> str:
        """The link to a run by its folder, as MLflow's pages follow it; the name alone where MLflow has no such run."""
        name, folder = found.groups()
        run_id = Journal(Path(folder)).run_id(self.store)
        if run_id is None:
            return name
        experiment_id = self.client.get_run(self._id()).info.experiment_id
        return f"[{name}](#/experiments/{experiment_id}/runs/{run_id})"

    def _log_artifact(self, path: Path, *, folder: str | None) -> None:
        if not path.exists():
            complain(f"{path} is gone, so MLflow does not get it")
        elif path.is_dir():
            self.client.log_artifacts(self._id(), str(path), folder)
        else:
            self.client.log_artifact(self._id(), str(path), folder)

    def _register(self, name: str, *, folder: str) -> None:
        run = self.client.get_run(self._id())
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{run.info.artifact_uri}/{folder}"
        self.client.create_model_version(name, source, run_id=run.info.run_id)

    def _log_table(self, table: dict[str, Any], *, file: str) -> None:
        """Log a table in place of an earlier one; MLflow's own ``log_table`` would add its rows to that."""
        self.client.log_dict(self._id(), table, file)
        tags = self.client.get_run(self._id()).data.tags
        known = json.loads(tags.get(TABLES_TAG, "[]"))
        listed = {"path": file, "type": "table"}
        if listed not in known:
            self.client.set_tag(self._id(), TABLES_TAG, json.dumps([*known, listed]))

    def _set_status(self, status: str, *, time: int) -> None:
        if status == "RUNNING":
            self.client.update_run(self._id(), status=status)
        else:
            self.client.set_terminated(self._id(), status=status, end_time=time)

    def _id(self) -> str:
        run_id = self.run_id
        assert run_id is not None, "a run is made before anything is sent"
        return run_id
