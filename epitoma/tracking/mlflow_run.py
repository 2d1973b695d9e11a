"""MLflow: every run's params, metrics, figures and model, and an honest status at its end.

Everything is written to a journal in the run's folder first, and told to MLflow from there. While MLflow cannot be
reached the run goes on; what is left at its end is told by :func:`send_the_rest`.
"""

import json
import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import requests

from epitoma.core.errors import TrackingError
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.files.uris import has_credentials, hide_secrets, without_secrets
from epitoma.reporting.console import complain
from epitoma.tracking.journal import JOURNAL_FILE, Entry, Journal

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET_AND_BRIEF = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
for _name, _value in _QUIET_AND_BRIEF.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("alembic").setLevel(logging.ERROR)

EXPERIMENT = "epitoma"
PARENT_TAG, NOTE_TAG, TABLES_TAG = "mlflow.parentRunId", "mlflow.note.content", "mlflow.loggedArtifacts"
"""Tags that MLflow's pages read."""

MAX_PARAM_LENGTH = 6000
MOST_METRICS = 500
RETRY_SECONDS = 5.0
_TRY_AGAIN_AT: dict[str, float] = {}
"""When a store that could not be reached is tried again, by any run: waiting for it once is enough."""

_SERVER_ERROR = 500
_NOT_FOR_US = (401, 403, 404)
"""A server, or a proxy before it, that does not let us in, or knows nothing of MLflow."""
_RUN_LINK = re.compile(r"\[([^\]]+)\]\(run:([^)]+)\)")


class RunTracker:
    """One MLflow run, written to from any thread of this process.

    Args:
        folder: Of the run: holds its journal, which remembers the run in the store.
        runs: The folder of runs, which holds the store unless MLFLOW_TRACKING_URI is set.
        parent: Folder of the run that this one is nested in.
    """

    def __init__(self, folder: Path, *, runs: Path, parent: Path | None = None) -> None:
        store = store_uri(runs)
        if has_credentials(store):
            # MLflow would print where the run can be seen, password and all.
            os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        with warnings.catch_warnings(), _reaching(store):
            warnings.simplefilter("ignore")
            self.client = _mlflow().MlflowClient(store)
        self.folder = folder
        self.runs = runs
        self.parent = parent
        self.journal = Journal(folder)
        self._lock = RLock()
        self._is_met = False

    @property
    def run_id(self) -> str | None:
        """The run in the store; None until the store has been reached."""
        return self.journal.run_id(self.client.tracking_uri)

    @property
    def is_running(self) -> bool:
        """Whether the run has begun, and has not ended."""
        statuses = [entry["status"] for entry in self.journal.entries if entry["op"] == "status"]
        return statuses[-1:] == ["RUNNING"]

    @property
    def experiment_id(self) -> str:
        """The experiment of the run, which the store has."""
        return self.client.get_run(self._id()).info.experiment_id

    def params(self, params: dict[str, Any]) -> None:
        """Log what the run was asked to do; a param that is logged already stays."""
        values = {name: hide_secrets(str(value))[:MAX_PARAM_LENGTH] for name, value in params.items()}
        self._record({"op": "params", "params": values})

    def metrics(self, metrics: dict[str, float], *, step: int) -> None:
        """Log metrics at a step: an epoch, or a budget for the metrics under ``tradeoff/``."""
        self._measured([(name, float(value), step) for name, value in metrics.items()])

    def tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self._record({"op": "tags", "tags": {name: hide_secrets(value) for name, value in tags.items()}})

    def note(self, markdown: str) -> None:
        """Set the description that MLflow shows on the run's page.

        ``[name](run:FOLDER)`` links to the run of a folder, where MLflow has that by the time it is told.
        """
        self._record({"op": "note", "markdown": hide_secrets(markdown)})

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Keep a file, or a folder with all it holds."""
        self._record({"op": "artifact", "path": str(path.resolve()), "folder": folder})

    def register(self, name: str, *, folder: str) -> None:
        """Make the model in a folder of the run's artifacts the newest version of a registered model."""
        self._record({"op": "register", "name": name, "folder": folder})

    def table(self, rows: list[dict[str, Any]], *, name: str) -> None:
        """Keep rows as a table that MLflow can show, in place of an earlier one of that name.

        MLflow's own ``log_table`` would add the rows to the earlier ones.
        """
        columns = list(rows[0])
        table = {"columns": columns, "data": [[row[column] for column in columns] for row in rows]}
        self._record({"op": "table", "name": name, "table": table})

    def points(self, points: Sequence[TradeoffPoint], *, split: str) -> None:
        """Log tradeoff curves with step = budget, so that MLflow lays those of several runs over each other.

        The selector's curve on the test split is ``tradeoff/accuracy``, or that of a run's only way where it has no
        selector; other ways and splits say so in the name.
        """
        prefix, logged = "tradeoff" if split == "test" else f"tradeoff_{split}", []
        ways = [_way(point) for point in points]
        own_way = "selector" if "selector" in ways else ways[0]
        for point, way in zip(points, ways, strict=True):
            place = prefix if way == own_way else f"{prefix}/{way}"
            step = 0 if point.sampling == "gate" else point.budget
            values = {"accuracy": point.score, "gmacs": point.gmacs, "timesteps": point.timesteps}
            logged += [(f"{place}/{name}", value, step) for name, value in values.items()]
        self._measured(logged)
        self.table([{**vars(point), "gmacs": point.gmacs} for point in points], name=f"{prefix}_points")

    def status(self, status: str) -> None:
        """RUNNING, or how the run ended: FINISHED, FAILED or KILLED."""
        self._record({"op": "status", "status": status, "time": _now()})

    def send(self) -> int:
        """Tell the store what it has not heard, unless it could not be reached a moment ago.

        Returns:
            How many entries are left.
        """
        with self._lock:
            store = self.client.tracking_uri
            if time.monotonic() >= _TRY_AGAIN_AT.get(store, 0.0):
                try:
                    self.send_or_fail()
                except TrackingError:
                    _TRY_AGAIN_AT[store] = time.monotonic() + RETRY_SECONDS
            return len(self.journal.pending())

    def send_or_fail(self) -> None:
        """Tell the store what it has not heard.

        Raises:
            TrackingError: The store cannot be reached.
        """
        with self._lock, _reaching(self.client.tracking_uri):
            self.begin_or_fail()
            for entry in self.journal.pending():
                getattr(self, f"_send_{entry['op']}")(entry)
                self.journal.mark_sent()

    def _measured(self, metrics: list[tuple[str, float, int]]) -> None:
        """Names, values and steps, told at once."""
        self._record({"op": "metrics", "metrics": metrics, "time": _now()})

    def begin_or_fail(self) -> None:
        """Make the run in the store, if it is not there yet.

        Raises:
            TrackingError: The store cannot be reached.
        """
        with self._lock, _reaching(self.client.tracking_uri):
            if not self._is_known():
                self.journal.begin(self._created(), store=self.client.tracking_uri)

    def _record(self, entry: Entry) -> None:
        with self._lock:
            self.journal.add(entry)
            self.send()

    def _is_known(self) -> bool:
        """Whether the store has this run; it may have lost it. Asked once."""
        if self.run_id is None or self._is_met:
            return self._is_met
        try:
            self.client.get_run(self.run_id)
        except _mlflow().MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        self._is_met = True
        return True

    def _created(self) -> str:
        tags = {}
        if self.parent is not None:
            tags[PARENT_TAG] = self._parents_id(self.parent)
        experiment_id = _experiment(self.client, self.runs)
        run = self.client.create_run(experiment_id, run_name=self.folder.name, tags=tags)
        self._is_met = True
        return run.info.run_id

    def _parents_id(self, parent: Path) -> str:
        run_id = Journal(parent).run_id(self.client.tracking_uri)
        if run_id is None:
            raise TrackingError(f"the run {parent}, which holds {self.folder}, is not in MLflow yet")
        return run_id

    def _id(self) -> str:
        run_id = self.run_id
        assert run_id is not None, "a run is made before anything is sent"
        return run_id

    def _send_params(self, entry: Entry) -> None:
        known = self.client.get_run(self._id()).data.params
        new = [
            _mlflow().entities.Param(name, value)
            for name, value in entry["params"].items()
            if name not in known
        ]
        self.client.log_batch(self._id(), params=new)

    def _send_metrics(self, entry: Entry) -> None:
        logged = [
            _mlflow().entities.Metric(name, value, entry["time"], step)
            for name, value, step in entry["metrics"]
        ]
        for first in range(0, len(logged), MOST_METRICS):
            self.client.log_batch(self._id(), metrics=logged[first : first + MOST_METRICS])

    def _send_tags(self, entry: Entry) -> None:
        tags = [_mlflow().entities.RunTag(name, value) for name, value in entry["tags"].items()]
        self.client.log_batch(self._id(), tags=tags)

    def _send_note(self, entry: Entry) -> None:
        text = _RUN_LINK.sub(self._link, entry["markdown"])
        self.client.set_tag(self._id(), NOTE_TAG, text)

    def _link(self, found: re.Match[str]) -> str:
        name, folder = found.groups()
        run_id = Journal(Path(folder)).run_id(self.client.tracking_uri)
        return name if run_id is None else f"[{name}](#/experiments/{self.experiment_id}/runs/{run_id})"

    def _send_artifact(self, entry: Entry) -> None:
        path = Path(entry["path"])
        if not path.exists():
            complain(f"{path} is gone, so MLflow does not get it")
        elif path.is_dir():
            self.client.log_artifacts(self._id(), str(path), entry["folder"])
        else:
            self.client.log_artifact(self._id(), str(path), entry["folder"])

    def _send_register(self, entry: Entry) -> None:
        name, run = entry["name"], self.client.get_run(self._id())
        try:
            self.client.create_registered_model(name)
        except _mlflow().MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{run.info.artifact_uri}/{entry['folder']}"
        self.client.create_model_version(name, source, run_id=run.info.run_id)

    def _send_table(self, entry: Entry) -> None:
        file = f"{entry['name']}.json"
        self.client.log_dict(self._id(), entry["table"], file)
        tags = self.client.get_run(self._id()).data.tags
        known = json.loads(tags.get(TABLES_TAG, "[]"))
        listed = {"path": file, "type": "table"}
        if listed not in known:
            self.client.set_tag(self._id(), TABLES_TAG, json.dumps([*known, listed]))

    def _send_status(self, entry: Entry) -> None:
        if entry["status"] == "RUNNING":
            self.client.update_run(self._id(), status="RUNNING")
        else:
            self.client.set_terminated(self._id(), status=entry["status"], end_time=entry["time"])


def store_uri(runs: Path) -> str:
    """Where runs are tracked: MLFLOW_TRACKING_URI, or else a SQLite file in the folder of runs."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(runs / 'mlflow.db').resolve()}"


@contextmanager
def tracked_run(folder: Path, *, params: dict[str, Any], parent: Path | None = None) -> Iterator[RunTracker]:
    """An MLflow run for the block, named after the run's folder and remembered there.

    A folder that remembers a run goes on with it. The run ends FINISHED, FAILED if the block raised, or
    KILLED if a person or the cluster stopped it.

    Args:
        folder: Of the run.
        params: What it was asked to do.
        parent: Folder of the run that this one is nested in.

    Raises:
        TrackingError: MLflow cannot be reached at the start.
    """
    tracker = open_tracker(folder, parent=parent)
    status = "FAILED"
    try:
        tracker.status("RUNNING")
        tracker.params(params)
        yield tracker
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        end(tracker, status)


def open_tracker(folder: Path, *, parent: Path | None = None) -> RunTracker:
    """The run of a folder in MLflow, made there if it is new.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    tracker = RunTracker(folder, runs=folder.parent, parent=parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracker.send_or_fail()
    return tracker


def end(tracker: RunTracker, status: str) -> None:
    """End a run, and say so if MLflow has not heard all of it, or of the runs nested in it."""
    tracker.status(status)
    _TRY_AGAIN_AT.pop(tracker.client.tracking_uri, None)
    left = sum(each.send() for each in (*_nested(tracker.folder), tracker) if each.journal.pending())
    if left:
        complain(
            f"MLflow at {without_secrets(tracker.client.tracking_uri)} cannot be reached: {left} records are kept in "
            f"{tracker.folder}; send them by python -m ray_jobs.report sync --run {tracker.folder}"
        )


def send_the_rest(folder: Path) -> int:
    """Tell MLflow what it has not heard of a run and of the runs nested in it; returns how many records that were.

    Raises:
        TrackingError: MLflow cannot be reached, or there is no run in the folder.
    """
    if not (folder / JOURNAL_FILE).is_file():
        raise TrackingError(f"no run at {folder} (no {JOURNAL_FILE} in it)")
    tracker = RunTracker(folder, runs=folder.parent)
    tracker.begin_or_fail()
    unheard = 0
    # The run's own come last, because they may link to those nested in it.
    for each in (*_nested(folder), tracker):
        unheard += len(each.journal.pending())
        each.send_or_fail()
    return unheard


def _nested(folder: Path) -> list[RunTracker]:
    """The runs of a sweep's trials."""
    places = sorted(file.parent for file in folder.glob(f"trials/*/{JOURNAL_FILE}"))
    return [RunTracker(place, runs=folder.parent, parent=folder) for place in places]


def _way(point: TradeoffPoint) -> str:
    return point.sampling if point.classifier == "own" else f"{point.sampling}_reference"


@contextmanager
def _reaching(store: str) -> Iterator[None]:
    """Failures to reach the store as one error; what it finds wrong is a mistake of ours and passes."""
    try:
        yield
    except (_mlflow().MlflowException, requests.RequestException) as error:
        is_mlflows = isinstance(error, _mlflow().MlflowException)
        status = error.get_http_status_code() if is_mlflows else _SERVER_ERROR
        if status < _SERVER_ERROR and status not in _NOT_FOR_US:
            raise
        # The text of these errors may hold the whole address, and so may a traceback that shows them.
        reason = hide_secrets(str(error).strip().splitlines()[0])
        remedy = (
            "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN" if status in _NOT_FOR_US else "start it"
        )
        raise TrackingError(
            f"MLflow at {without_secrets(store)} cannot be reached ({reason}); {remedy}, "
            "or leave MLFLOW_TRACKING_URI unset"
        ) from None


def _experiment(client: "MlflowClient", runs: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return found.experiment_id
    local = store_uri(runs).startswith("sqlite:")
    place = (runs / "mlartifacts").resolve().as_uri() if local else None
    try:
        return client.create_experiment(EXPERIMENT, artifact_location=place)
    except _mlflow().MlflowException:
        made_meanwhile = client.get_experiment_by_name(EXPERIMENT)
        if made_meanwhile is None:
            raise
        return made_meanwhile.experiment_id


def _mlflow():
    """MLflow, imported when the first run is tracked: it takes two seconds of every process."""
    import mlflow
    import mlflow.entities

    return mlflow


def _now() -> int:
    return int(time.time() * 1000)
