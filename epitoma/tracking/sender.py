"""The sender of a run: turns the entries of its journal into calls of MLflow.

To import this file is to import MLflow, which takes seconds: only what tracks a run does.
"""

import json
import re
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import unquote

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric, Param, RunTag

from epitoma.files.presence import is_folder, is_there
from epitoma.reporting.console import complain
from epitoma.tracking.entries import (
    RUN_LINK,
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
from epitoma.tracking.journal import Journal, known_run
from epitoma.tracking.reaching import StoreError, reaching
from epitoma.tracking.stored_run import StoredRun

NOTE_TAG, TABLES_TAG = "mlflow.note.content", "mlflow.loggedArtifacts"
"""Tags that MLflow's pages read."""

MOST_METRICS = 500
"""In one call."""


class Sender:
    """Sends one run's journal to a store; one thread at a time may call it.

    Args:
        journal: Of the run: remembers the run in the store, and what has been sent.
        store: Address of the store.
        runs: The folder of runs, which gets the artifacts where the store is a local file.
        parent: Folder of the run that this one is nested in.
    """

    def __init__(self, journal: Journal, *, store: str, runs: Path, parent: Path | None) -> None:
        self.journal = journal
        self.store = store
        self.run = StoredRun(journal, store=store, runs=runs, parent=parent)

    @property
    def client(self) -> MlflowClient:
        """MLflow's client, which opens the store.

        Raises:
            StoreError: The store cannot be reached.
        """
        return self.run.client

    def begin(self) -> None:
        """Make the run in the store, if it is not there yet and no other process is making it.

        Raises:
            StoreError: The store cannot be reached, or does not take the run.
        """
        with self.journal.sending() as is_ours:
            if is_ours:
                self.run.begin()

    def send_pending(self, *, limit_seconds: float = 0.0, again: bool = False) -> StoreError | None:
        """Send what the store has not got, unless another process is sending it.

        Args:
            limit_seconds: How long to wait for another process.
            again: Send what it refused before, too.

        Returns:
            What the store said of an entry that it refused, if it refused one.

        Raises:
            StoreError: The store cannot be reached, or does not take the run.
        """
        with self.journal.sending(limit_seconds=limit_seconds) as is_ours:
            if not is_ours:
                return self._left_to_another() if limit_seconds and self._has_more() else None
            self.run.begin()
            return self._send_all(again=again)

    def _has_more(self) -> bool:
        self.journal.refresh()
        return bool(self.journal.pending())

    def _left_to_another(self) -> StoreError:
        return StoreError(self.store, "is being told by another process", "wait for that", is_of_run=True)

    def _send_all(self, *, again: bool) -> StoreError | None:
        refusal = None
        for number in [*(self.journal.refused if again else []), *self.journal.unsent]:
            if self._is_superseded(number):
                self.journal.mark_sent(number)
                continue
            refused = self._refusal(from_line(self.journal.lines[number]))
            # After each, so that one that fails is sent again, and those before it are not.
            self.journal.mark_sent(number, refused=refused is not None)
            refusal = refused or refusal
        return refusal

    def _is_superseded(self, number: int) -> bool:
        """Whether an entry that was refused is not worth another try, since one that came later replaces it."""
        if number not in self.journal.refused:
            return False
        later = [from_line(line) for line in self.journal.lines[number + 1 :]]
        match from_line(self.journal.lines[number]):
            case Status() | Note() as entry:
                return any(type(each) is type(entry) for each in later)
            case Table(name=name):
                return any(isinstance(each, Table) and each.name == name for each in later)
            case _:
                return False

    def _refusal(self, entry: Entry) -> StoreError | None:
        """Send an entry; gives what the store says where it has the run, and refuses this of it.

        Raises:
            StoreError: The store cannot be reached, or has no such run any more.
        """
        try:
            with reaching(self.store):
                self._send(entry)
        except StoreError as error:
            self.run.forget()
            if error.is_refusal and self.run.is_known():
                return error
            raise
        return None

    def _send(self, entry: Entry) -> None:
        match entry:
            case Params() | Metrics() | Tags():
                self._log_batch(entry)
            case Note(markdown):
                self.client.set_tag(self.run.id, NOTE_TAG, RUN_LINK.sub(self._link, markdown))
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
                self.client.log_batch(self.run.id, params=self._new_params(params))
            case Metrics(metrics, time):
                self._log_metrics(metrics, time=time)
            case Tags(tags):
                self.client.log_batch(self.run.id, tags=[RunTag(name, tag) for name, tag in tags.items()])
            case _:
                assert_never(entry)

    def _new_params(self, params: dict[str, str]) -> list[Param]:
        """Those that are not logged yet: MLflow refuses to change one."""
        known = self.client.get_run(self.run.id).data.params
        return [Param(name, value) for name, value in params.items() if name not in known]

    def _log_metrics(self, metrics: list[Measurement], *, time: int) -> None:
        logged = [Metric(name, value, time, step) for name, value, step in metrics]
        for first in range(0, len(logged), MOST_METRICS):
            self.client.log_batch(self.run.id, metrics=logged[first : first + MOST_METRICS])

    def _link(self, found: re.Match[str]) -> str:
        """The link to a run by its folder, as MLflow's pages follow it; the name alone where MLflow has no such run."""
        name, folder = found.groups()
        run_id = known_run(Path(unquote(folder)), self.store)
        if run_id is None:
            return name
        experiment_id = self.client.get_run(self.run.id).info.experiment_id
        return f"[{name}](#/experiments/{experiment_id}/runs/{run_id})"

    def _log_artifact(self, path: Path, *, folder: str | None) -> None:
        if not is_there(path):
            complain(f"{path} is gone, so MLflow does not get it")
        elif is_folder(path):
            self.client.log_artifacts(self.run.id, str(path), folder)
        else:
            self.client.log_artifact(self.run.id, str(path), folder)

    def _register(self, name: str, *, folder: str) -> None:
        run = self.client.get_run(self.run.id)
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{run.info.artifact_uri}/{folder}"
        self.client.create_model_version(name, source, run_id=run.info.run_id)

    def _log_table(self, table: dict[str, Any], *, file: str) -> None:
        """Log a table in place of an earlier one; MLflow's own ``log_table`` would add its rows to that."""
        self.client.log_dict(self.run.id, table, file)
        tags = self.client.get_run(self.run.id).data.tags
        known = json.loads(tags.get(TABLES_TAG, "[]"))
        listed = {"path": file, "type": "table"}
        if listed not in known:
            self.client.set_tag(self.run.id, TABLES_TAG, json.dumps([*known, listed]))

    def _set_status(self, status: str, *, time: int) -> None:
        if status == "RUNNING":
            self.client.update_run(self.run.id, status=status)
        else:
            self.client.set_terminated(self.run.id, status=status, end_time=time)
