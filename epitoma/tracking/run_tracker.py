"""The recorder of a run: params, metrics, figures and the model become entries of a journal in the run's folder.

From there they are sent to MLflow. While MLflow cannot be reached the run goes on; what is left at its end is sent by
:func:`epitoma.tracking.lifecycle.send_the_rest`.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from epitoma.core.uninterrupted import uninterrupted
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.files.uris import hide_secrets
from epitoma.tracking.address import store_uri
from epitoma.tracking.entries import (
    Artifact,
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
    to_line,
)
from epitoma.tracking.environment import prepare_environment
from epitoma.tracking.journal import Journal
from epitoma.tracking.outage import Outage, outage_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from epitoma.tracking.reaching import StoreError
    from epitoma.tracking.sender import Sender

MAX_PARAM_LENGTH = 6000
LAST_WAIT_SECONDS = 30.0
"""How long the last try waits for another process that sends."""


class RunTracker:
    """One MLflow run, logged to from any thread of this process; no method fails for what the store says.

    Args:
        folder: Of the run: holds its journal, which remembers the run in the store.
        runs: The folder of runs, which holds the store unless MLFLOW_TRACKING_URI is set.
        parent: Folder of the run that this one is nested in.

    Attributes:
        failure: Why the store does not have all that was logged; None where it has, or was not asked.
    """

    def __init__(self, folder: Path, *, runs: Path, parent: Path | None = None) -> None:
        self.folder = folder
        self.journal = Journal(folder)
        self._sender = _sender(self.journal, runs=runs, parent=parent)
        self.failure: StoreError | None = None
        self._outages = {False: outage_of(self.store), True: Outage()}
        # Entries are sent in the order of the journal, and each once, whichever threads log them. The lock is
        # reentrant, because `_record` holds it while it calls `send`.
        self._lock = RLock()

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client, for reading what the run has in the store."""
        return self._sender.client

    @property
    def store(self) -> str:
        """Address of the store, which may hold a password."""
        return self._sender.store

    @property
    def run_id(self) -> str | None:
        """The run in the store; None until the store has been reached."""
        return self._sender.run.known_id

    @property
    def is_running(self) -> bool:
        """Whether the run has begun, and has not ended."""
        return self._statuses[-1:] == ["RUNNING"]

    @property
    def has_begun(self) -> bool:
        """Whether the run has begun, whatever became of it."""
        return bool(self._statuses)

    def params(self, params: dict[str, Any]) -> None:
        """Log what the run was asked to do; a param that is logged already stays."""
        self._record(
            Params({name: hide_secrets(str(value))[:MAX_PARAM_LENGTH] for name, value in params.items()})
        )

    def metrics(self, metrics: dict[str, float], *, step: int) -> None:
        """Log metrics at a step: an epoch, or a budget for the metrics under ``tradeoff/``."""
        self._measured([(name, float(value), step) for name, value in metrics.items()])

    def tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self._record(Tags({name: hide_secrets(value) for name, value in tags.items()}))

    def note(self, markdown: str) -> None:
        """Set the description that MLflow shows on the run's page.

        Links to other runs (``entries.link_to_run``) become MLflow's, where it has those by the time the note is sent.
        """
        self._record(Note(hide_secrets(markdown)))

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Keep a file, or a folder with all it holds."""
        self._record(Artifact(str(path.resolve()), folder))

    def register(self, name: str, *, folder: str) -> None:
        """Make the model in a folder of the run's artifacts the newest version of a registered model."""
        self._record(Register(name, folder))

    def table(self, rows: list[dict[str, Any]], *, name: str) -> None:
        """Keep rows as a table that MLflow can show, in place of an earlier one of that name."""
        columns = list(rows[0])
        data = [[row[column] for column in columns] for row in rows]
        self._record(Table(name, {"columns": columns, "data": data}))

    def points(self, points: Sequence[TradeoffPoint], *, split: str) -> None:
        """Log tradeoff curves with step = budget, so that MLflow lays those of several runs over each other.

        The selector's curve on the test split is ``tradeoff/accuracy``, or that of a run's only way where it has no
        selector; other ways and splits say so in the name.
        """
        prefix = "tradeoff" if split == "test" else f"tradeoff_{split}"
        self._measured(_curves(points, prefix=prefix))
        self.table([{**vars(point), "gmacs": point.gmacs} for point in points], name=f"{prefix}_points")

    def status(self, status: str) -> None:
        """Set RUNNING, or how the run ended: FINISHED, FAILED or KILLED."""
        self._record(Status(status, _now()))

    def send(self, *, is_last: bool = False) -> int:
        """Send what the store has not got, unless it could not be reached a moment ago.

        Args:
            is_last: Also send what the store has refused, and wait for another process that sends.

        Returns:
            How many entries are left.
        """
        with self._lock:
            if all(outage.is_over for outage in self._outages.values()):
                self._try(is_last=is_last)
            return len(self.journal.pending())

    def begin(self) -> None:
        """Make the run in the store, if it is not there yet and the store can be reached."""
        with self._lock:
            self._reach(self._sender.begin)

    def forget_outage(self) -> None:
        """Make the next try at once, however shortly before the store could not be reached."""
        for outage in self._outages.values():
            outage.forget()

    def _try(self, *, is_last: bool) -> None:
        limit_seconds = LAST_WAIT_SECONDS if is_last else 0.0
        self._reach(partial(self._sender.send_pending, limit_seconds=limit_seconds, again=is_last))

    def _reach(self, ask: "Callable[[], StoreError | None]") -> None:
        # Imported with the first run that is tracked, as the sender is.
        from epitoma.tracking.reaching import StoreError

        started = time.monotonic()
        try:
            self.failure = ask() or (self.failure if self.journal.refused else None)
        except StoreError as error:
            self.failure = error
            self._outages[error.is_of_run].begin(took_seconds=time.monotonic() - started)

    @property
    def _statuses(self) -> list[str]:
        entries = (from_line(line) for line in self.journal.lines if line["op"] == "status")
        return [entry.status for entry in entries if isinstance(entry, Status)]

    def _measured(self, metrics: list[Measurement]) -> None:
        self._record(Metrics(metrics, _now()))

    def _record(self, entry: Entry) -> None:
        # An interrupted transaction would keep the store locked for all that is logged of the stop itself.
        with self._lock, uninterrupted():
            self.journal.add(to_line(entry))
            self.send()


def _sender(journal: Journal, *, runs: Path, parent: Path | None) -> "Sender":
    prepare_environment()
    with warnings.catch_warnings():
        # What MLflow and its libraries warn of among themselves is nothing that a person can act on.
        warnings.simplefilter("ignore")
        # Imported here, with the first run that is tracked: MLflow would take two seconds of every process.
        from epitoma.tracking.sender import Sender

        return Sender(journal, store=store_uri(runs), runs=runs, parent=parent)


def _curves(points: Sequence[TradeoffPoint], *, prefix: str) -> list[Measurement]:
    """The measurements of tradeoff curves, named after the ways that have them."""
    logged: list[Measurement] = []
    ways = [_way(point) for point in points]
    own_way = "selector" if "selector" in ways else ways[0]
    for point, way in zip(points, ways, strict=True):
        place = prefix if way == own_way else f"{prefix}/{way}"
        step = 0 if point.sampling == "gate" else point.budget
        values = {"accuracy": point.score, "gmacs": point.gmacs, "timesteps": point.timesteps}
        logged += [(f"{place}/{name}", value, step) for name, value in values.items()]
    return logged


def _way(point: TradeoffPoint) -> str:
    return point.sampling if point.classifier == "own" else f"{point.sampling}_reference"


def _now() -> int:
    return int(time.time() * 1000)
