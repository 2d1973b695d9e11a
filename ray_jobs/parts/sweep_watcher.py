"""Watcher of a sweep: shows a live table, or lines in a log, and logs one nested MLflow run per trial."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from epitoma.core.config import CONFIG_FILE, flatten
from epitoma.files.json_files import read_json
from epitoma.files.presence import entries_of
from epitoma.on_ray.tune.reports import COST
from epitoma.reporting.console import ProgressLog
from epitoma.reporting.tables import TrialRow, sweep_table
from epitoma.sweeps.pareto import Offer, pareto_front
from epitoma.sweeps.result import TRIALS
from epitoma.sweeps.trial import has_result, read_result
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.history import SCORE

SHOWN = 24
KEPT = "validation/timesteps"
SENT = (SCORE, KEPT, COST, "train/loss", "train/accuracy", "train/timesteps")


class SweepWatcher:
    """Shows and logs the trials of one sweep.

    Args:
        folder: Folder of the sweep; trials lie in its subfolder ``trials``.
        trials: Number of trials of the whole sweep.
        base: Config that trials change, with dotted names.
        score_name: "accuracy" or "mAP".
    """

    def __init__(
        self,
        folder: Path,
        *,
        trials: int,
        base: dict[str, Any],
        score_name: str,
    ) -> None:
        self.folder = folder
        self.trials = trials
        self.base = base
        self.score_name = score_name
        self.show: Callable[[RenderableType], None] = lambda table: None
        self.rows: dict[str, TrialRow] = {}
        self.errors: dict[str, str] = {}
        self.trackers: dict[str, RunTracker] = {}
        self.log = ProgressLog(f"sweep {folder.name}", "trials")
        self.started_at = time.monotonic()
        self.done_before = self._rows_of_an_earlier_driver()
        self.done = self.done_before

    def started(self, trial: str, changes: dict[str, Any]) -> None:
        """Start, or resume, a trial's MLflow run."""
        tracker = self.trackers[trial] = self.tracker(trial)
        tracker.status("RUNNING")
        tracker.params({**self.base, **flatten(changes), "name": trial})
        self.rows[trial] = TrialRow(trial=trial, state="running")
        self._show()

    def reported(self, trial: str, metrics: dict[str, Any]) -> None:
        """Log and show a report of a trial: a validated epoch, or its final result."""
        epoch = int(metrics.get("epoch", metrics["training_iteration"] - 1))
        # Only a trial's last report has `changes`: it is the measured result, not an epoch.
        if "changes" not in metrics:
            sent = {name: metrics[name] for name in SENT if name in metrics}
            self.trackers[trial].metrics(sent, step=epoch)
            self.rows[trial] = replace(self.rows[trial], epoch=epoch + 1)
        self.rows[trial] = replace(
            self.rows[trial],
            score=metrics.get(SCORE),
            timesteps=metrics.get(KEPT),
            gmacs=metrics.get(COST),
        )
        self._show()

    def ended(self, trial: str, error: str | None) -> None:
        """End the MLflow run of a trial that is done, was stopped early, or failed."""
        tracker, place = self.trackers.pop(trial, None) or self.tracker(trial), self.folder / TRIALS / trial
        if error is not None:
            self.errors[trial] = error
            tracker.tags({"error": error})
        elif has_result(place):
            self.log_result(tracker, place)
        else:
            tracker.tags({"stopped_early": "true"})
        tracker.status("FINISHED" if error is None else "FAILED")
        state = "failed" if error else "done" if has_result(place) else "stopped early"
        self.rows[trial] = replace(self.rows.get(trial, TrialRow(trial=trial, state="")), state=state)
        self.done += 1
        self._show()

    def stopped(self) -> None:
        """End the MLflow runs of trials that are still running, also those of an earlier driver."""
        for place in entries_of(self.folder / TRIALS):
            tracker = self.trackers.pop(place.name, None) or self.tracker(place.name)
            if tracker.is_running:
                if has_result(place):
                    self.log_result(tracker, place)
                tracker.status("FINISHED" if has_result(place) else "KILLED")
            tracker.send()

    def tracker(self, trial: str) -> RunTracker:
        """Tracker of a trial's MLflow run."""
        return RunTracker(self.folder / TRIALS / trial, runs=self.folder.parent, parent=self.folder)

    def log_result(self, tracker: RunTracker, place: Path) -> None:
        """Log a trial's tradeoff points, time and config."""
        result = read_result(place)
        for split, points in result.points.items():
            whole = max(point.candidates for point in points)
            tracker.points([point for point in points if point.candidates == whole], split=split)
        tracker.metrics({"trial/seconds": result.seconds}, step=0)
        tracker.artifact(place / CONFIG_FILE)

    def table(self) -> RenderableType:
        """Table of at most SHOWN trials: running ones first, then those on the front, then the others."""
        marked = self._marked()
        order = {"running": 0}
        rows = sorted(marked, key=lambda row: (order.get(row.state, 1), not row.on_front))
        return sweep_table(rows[:SHOWN], title=self._title(), score_name=self.score_name)

    def _rows_of_an_earlier_driver(self) -> int:
        """Add rows for trials that an earlier driver has finished; returns how many."""
        for place in entries_of(self.folder / TRIALS):
            if has_result(place) and (result := read_result(place)).has_selector:
                own = result.own
                self.rows[place.name] = TrialRow(
                    trial=place.name, state="done", score=own.score, timesteps=own.timesteps, gmacs=own.gmacs
                )
        return len(self.rows)

    def _show(self) -> None:
        self.show(self.table())
        self.log.advance(self.done, self.trials)

    def _marked(self) -> list[TrialRow]:
        offers = [
            Offer(score=row.score, cost=row.gmacs, of=row.trial)
            for row in self.rows.values()
            if row.score is not None and row.gmacs is not None
        ]
        best = {offer.of for offer in pareto_front(offers)}
        return [replace(row, on_front=row.trial in best) for row in self.rows.values()]

    def _title(self) -> str:
        left = ""
        if self.done > self.done_before:
            each = (time.monotonic() - self.started_at) / (self.done - self.done_before)
            seconds = each * (self.trials - self.done)
            left = f", about {max(seconds, 0) / 60:.0f} min left"
        return f"{self.folder.name}: {self.done} of {self.trials} trials{left}"


def trial_config(folder: Path) -> dict[str, Any]:
    """The whole config of a trial."""
    return read_json(folder / CONFIG_FILE)
