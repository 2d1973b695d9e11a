"""A run in MLflow's store: made once, and looked for again after a failure, since a person may have deleted it."""

from functools import cached_property
from pathlib import Path

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Experiment, LifecycleStage

from epitoma.tracking.address import sqlite_file
from epitoma.tracking.entries import Status, from_line
from epitoma.tracking.journal import Journal, known_run
from epitoma.tracking.opening import opened
from epitoma.tracking.reaching import StoreError, in_the_shell, reaching

EXPERIMENT = "epitoma"
PARENT_TAG = "mlflow.parentRunId"
"""Tag that MLflow's pages read."""


class StoredRun:
    """The run of a journal in a store; one thread of one process at a time may make it.

    Args:
        journal: Of the run: remembers the run in the store.
        store: Address of the store.
        runs: The folder of runs, which gets the artifacts where the store is a local file.
        parent: Folder of the run that this one is nested in.
    """

    def __init__(self, journal: Journal, *, store: str, runs: Path, parent: Path | None) -> None:
        self.journal = journal
        self.store = store
        self.runs = runs
        self.parent = parent
        self._is_met = False

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, which opens the store.

        Raises:
            StoreError: The store cannot be reached.
        """
        with reaching(self.store):
            return opened(self.store)

    @property
    def known_id(self) -> str | None:
        """The run in the store; None until it is made there."""
        return self.journal.run_id(self.store)

    @property
    def id(self) -> str:
        """The run in the store, which it has."""
        run_id = self.known_id
        assert run_id is not None, "a run is made before anything is sent"
        return run_id

    def begin(self) -> None:
        """Make the run in the store, if it is not there yet.

        Raises:
            StoreError: The store cannot be reached, or does not take the run.
        """
        if not self.is_known():
            self.journal.begin(self._created(), store=self.store)

    def forget(self) -> None:
        """Ask again whether the store has the run."""
        self._is_met = False

    def is_known(self) -> bool:
        """Whether the store has this run; it may have lost it. Asked once, and again after a failure.

        Raises:
            StoreError: It has been deleted there.
        """
        if self.known_id is None or self._is_met:
            return self._is_met
        with reaching(self.store):
            try:
                run = self.client.get_run(self.known_id)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return False
            if run.info.lifecycle_stage == LifecycleStage.DELETED:
                self._check_active(self.client.get_experiment(run.info.experiment_id))
                restore = f"mlflow runs restore --run-id {self.known_id}"
                raise self._deleted("run", run.info.run_id, restore)
        self._is_met = True
        return True

    def _check_active(self, experiment: Experiment) -> None:
        if experiment.lifecycle_stage == LifecycleStage.DELETED:
            restore = f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
            raise self._deleted("experiment", experiment.name, restore)

    def _deleted(self, kind: str, name: str, restore: str) -> StoreError:
        what = f"has the {kind} {name} as a deleted one"
        remedy = f"restore it by {in_the_shell(self.store, restore)}"
        return StoreError(self.store, what, remedy, is_of_run=True)

    def _created(self) -> str:
        tags = {}
        if self.parent is not None:
            tags[PARENT_TAG] = self._id_of(self.parent)
        with reaching(self.store):
            experiment_id = self._experiment_id()
            run = self.client.create_run(
                experiment_id, start_time=self._began(), run_name=self.journal.folder.name, tags=tags
            )
        self._is_met = True
        return run.info.run_id

    def _began(self) -> int | None:
        """When the run began, in milliseconds; None for now."""
        entries = map(from_line, self.journal.lines)
        return next((entry.time for entry in entries if isinstance(entry, Status)), None)

    def _id_of(self, parent: Path) -> str:
        run_id = known_run(parent, self.store)
        if run_id is None:
            what = f"does not have {parent} yet, which {self.journal.folder} is nested in"
            raise StoreError(self.store, what, "send that first", is_of_run=True)
        return run_id

    def _experiment_id(self) -> str:
        """The experiment of all runs, made where it is missing."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            self._check_active(found)
            return found.experiment_id
        is_local = sqlite_file(self.store) is not None
        place = (self.runs / "mlartifacts").resolve().as_uri() if is_local else None
        try:
            return self.client.create_experiment(EXPERIMENT, artifact_location=place)
        except MlflowException:
            made_meanwhile = self.client.get_experiment_by_name(EXPERIMENT)
            if made_meanwhile is None:
                raise
            return made_meanwhile.experiment_id
