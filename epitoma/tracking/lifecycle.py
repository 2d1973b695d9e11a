"""The life of a tracked run: it is opened, has an honest status at its end, and what is left then is sent later."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from epitoma.core.errors import TrackingError
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

    Args:
        folder: Of the run.
        parent: Folder of the run that this one is nested in.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    tracker = RunTracker(folder, runs=folder.parent, parent=parent)
    with warnings.catch_warnings():
        # Libraries that make the tables of a new store may warn, of nothing that a person can act on.
        warnings.simplefilter("ignore")
        tracker.send_or_fail()
    return tracker


def end(tracker: RunTracker, status: str) -> None:
    """End a run, and say so if MLflow has not got all of it, or of the runs nested in it."""
    tracker.status(status)
    # This is the last try, so it is made however shortly before the store could not be reached.
    tracker.outage.forget()
    left = sum(each.send() for each in _with_nested(tracker) if each.journal.pending())
    if left:
        complain(
            f"MLflow at {without_secrets(tracker.store)} cannot be reached: {left} records are kept in "
            f"{tracker.folder}; send them by python -m ray_jobs.report sync --run {tracker.folder}"
        )


def send_the_rest(folder: Path) -> int:
    """Send MLflow what it has not got of a run and of the runs nested in it.

    Args:
        folder: Of the run.

    Returns:
        How many entries that were.

    Raises:
        TrackingError: MLflow cannot be reached, or there is no run in the folder.
    """
    if not (folder / JOURNAL_FILE).is_file():
        raise TrackingError(f"no run at {folder} (no {JOURNAL_FILE} in it)")
    tracker = RunTracker(folder, runs=folder.parent)
    # First, because MLflow can nest runs only in one that it has.
    tracker.begin_or_fail()
    sent = 0
    for each in _with_nested(tracker):
        sent += len(each.journal.pending())
        each.send_or_fail()
    return sent


def _with_nested(tracker: RunTracker) -> list[RunTracker]:
    """The runs of a sweep's trials, then the run itself: its notes may link to those, which MLflow must have then."""
    folder = tracker.folder
    places = sorted(file.parent for file in folder.glob(f"trials/*/{JOURNAL_FILE}"))
    return [*(RunTracker(place, runs=folder.parent, parent=folder) for place in places), tracker]
