"""The life of a tracked run: it is opened, has an honest status at its end, and what is left then is sent later.

Nothing that the store does ends a job: what it has not got stays in the journal, and one line says so at the end.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from epitoma.core.errors import RunError, TrackingError
from epitoma.files.presence import entries_of, is_file
from epitoma.files.uris import without_secrets
from epitoma.reporting.console import complain
from epitoma.tracking.journal import JOURNAL_FILE
from epitoma.tracking.run_tracker import RunTracker


@contextmanager
def tracked_run(folder: Path, *, params: dict[str, Any], parent: Path | None = None) -> Iterator[RunTracker]:
    """Track the block as an MLflow run, named after the run's folder and remembered there.

    A folder that remembers a run goes on with it. The run ends FINISHED, FAILED if the block raised, or
    KILLED if a person or the cluster stopped it.

    Args:
        folder: Of the run.
        params: What it was asked to do.
        parent: Folder of the run that this one is nested in.
    """
    tracker = RunTracker(folder, runs=folder.parent, parent=parent)
    status = "FAILED"
    try:
        tracker.status("RUNNING")
        tracker.params(params)
        _say_outage(tracker)
        yield tracker
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        tracker.status(status)
        send_last(tracker)


@contextmanager
def added_to_run(folder: Path) -> Iterator[RunTracker]:
    """Log the block to a run that another job has, or had, whose status and times stay as they are.

    Args:
        folder: Of the run.
    """
    tracker = RunTracker(folder, runs=folder.parent)
    if not tracker.has_begun:
        # A model that was brought here without its journal: it is finished, and MLflow would show it as running.
        tracker.status("FINISHED")
    try:
        yield tracker
    finally:
        send_last(tracker)


def send_last(tracker: RunTracker) -> None:
    """Send what is left of a run and of those nested in it, and say so if MLflow still has not got all of it."""
    trackers = _with_nested(tracker)
    tracker.forget_outage()
    left = sum(each.send(is_last=True) for each in trackers if each.journal.pending())
    if left:
        complain(_not_told(tracker, trackers, left))


def send_the_rest(folder: Path) -> int:
    """Send MLflow what it has not got of a run and of the runs nested in it.

    Args:
        folder: Of the run.

    Returns:
        How many entries that were.

    Raises:
        RunError: There is no run in the folder.
        TrackingError: MLflow cannot be reached or does not take all of them.
    """
    if not is_file(folder / JOURNAL_FILE):
        raise RunError(f"no run at {folder} (no {JOURNAL_FILE} in it)")
    tracker = RunTracker(folder, runs=folder.parent)
    tracker.forget_outage()
    # First, because MLflow can nest runs only in one that it has.
    tracker.begin()
    trackers = _with_nested(tracker)
    pending = sum(len(each.journal.pending()) for each in trackers)
    left = sum(each.send(is_last=True) for each in trackers)
    if left:
        raise TrackingError(_not_told(tracker, trackers, left))
    return pending


def _say_outage(tracker: RunTracker) -> None:
    """Say at the start that the run goes on without its store: it may be the wrong one."""
    if tracker.failure is not None:
        complain(f"{_store(tracker)} {tracker.failure.what}: the run goes on, and keeps what is to be told")


def _not_told(tracker: RunTracker, trackers: list[RunTracker], left: int) -> str:
    failures = [each.failure for each in (tracker, *trackers) if each.failure is not None]
    # None where a run of another thread has just found the store gone.
    what, remedy = (
        (failures[0].what, failures[0].remedy) if failures else ("cannot be reached", "wait for it")
    )
    again = f"epitoma report sync --run {shlex.quote(str(tracker.folder))}"
    return (
        f"{_store(tracker)} {what}: {left} records are kept in {tracker.folder} and not told; "
        f"{remedy}, then send them by {again}"
    )


def _store(tracker: RunTracker) -> str:
    return f"MLflow at {without_secrets(tracker.store)}"


def _with_nested(tracker: RunTracker) -> list[RunTracker]:
    """The runs of a sweep's trials, then the run itself: its notes may link to those, which MLflow must have then."""
    folder = tracker.folder
    places = [place for place in entries_of(folder / "trials") if is_file(place / JOURNAL_FILE)]
    return [*(RunTracker(place, runs=folder.parent, parent=folder) for place in places), tracker]
