"""Watcher of a training run: prints its events, logs them to MLflow, and writes its history."""

from typing import assert_never

from epitoma.datasets.rejects import Reject
from epitoma.files.json_files import read_json, write_json
from epitoma.files.presence import is_file
from epitoma.reporting.console import Advance, say
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.events import (
    Collapsed,
    EpochDone,
    Event,
    PatienceSpent,
    Resumed,
    StartValidated,
    StepDone,
    Stopped,
    Stopping,
    VideoDamaged,
    VideoRejected,
)
from epitoma.training.history import HISTORY, SCORE, kept_start
from epitoma.training.run_config import TrainConfig


class TrainWatcher:
    """Prints and logs the events of one run.

    Args:
        config: Config of the run.
        tracker: Tracker of its MLflow run.
        advance: Moves the progress bar.
    """

    def __init__(self, config: TrainConfig, tracker: RunTracker, advance: Advance) -> None:
        self.config = config
        self.tracker = tracker
        self.advance = advance
        self.history: list[dict[str, float]] = []
        self.rejects: list[Reject] = []
        self.damaged: set[str] = set()
        self.collapses: set[str] = set()
        self.start_score: float | None = None

    def __call__(self, event: Event) -> None:  # noqa: C901 - one case for each kind of event
        """Handle one event."""
        match event:
            case StepDone(epoch=epoch, step=step, steps=steps):
                self.advance(epoch * steps + step, self.config.optimisation.epochs * steps, self._note())
            case EpochDone():
                self._log_epoch(event)
            case StartValidated(metrics=metrics):
                self._keep_start(metrics[SCORE])
            case Resumed():
                self._resume(event)
            case PatienceSpent():
                self._say_patience(event)
            case Collapsed(reason=reason):
                self._log_collapse(reason)
            case VideoRejected():
                self._keep_reject(event)
            case VideoDamaged():
                self._say_damage(event)
            case Stopping():
                self._log_stop()
            case Stopped():
                self._say_stopped(event)
            case _:
                assert_never(event)

    def print_kept_model(self) -> None:
        """Print it if no epoch was better than the model that training started from."""
        if kept_start(self.history):
            say("  no epoch was better: the model is the one that training started from")

    def _keep_start(self, score: float) -> None:
        self.start_score = score
        say(
            f"  starts at validation {score:.3f}, and keeps that model unless training makes one at least as good"
        )

    def _log_epoch(self, event: EpochDone) -> None:
        # After a worker died, training restarts from a checkpoint and repeats epochs: the newer metrics count.
        self.history = [row for row in self.history if row["epoch"] < event.epoch]
        self.history.append({"epoch": event.epoch, **event.metrics})
        self._write_history()
        self._log(self.history[-1])

    def _resume(self, event: Resumed) -> None:
        """Take the history from the checkpoint, and log epochs that a killed driver did not receive."""
        file = self.config.folder / HISTORY
        before = read_json(file) if is_file(file) else {"epochs": [], "start_score": None}
        known = {row["epoch"] for row in before["epochs"]}
        if before["start_score"] is not None:
            self.start_score = before["start_score"]
        self.history = event.history
        self._write_history()
        for row in self.history:
            if row["epoch"] not in known:
                self._log(row)
        within = f", in step {event.step + 1} of the next" if event.step else ""
        say(f"  resumed after epoch {event.epoch}{within}")

    def _say_patience(self, event: PatienceSpent) -> None:
        patience = self.config.optimisation.patience
        say(
            f"  ended after epoch {event.epoch}: the last {patience} validations found nothing better "
            "(optimisation.patience)"
        )

    def _log_collapse(self, reason: str) -> None:
        if reason not in self.collapses:
            self.collapses.add(reason)
            self.tracker.tags({"collapsed": reason})
            say(f"  the selector has collapsed: {reason}")

    def _keep_reject(self, event: VideoRejected) -> None:
        if event.video_id in {reject.video_id for reject in self.rejects}:
            return
        self.rejects.append(Reject(event.video_id, event.path, event.reason))
        say(f"  rejected {event.path}: {event.reason}")

    def _say_damage(self, event: VideoDamaged) -> None:
        if event.video_id not in self.damaged:
            self.damaged.add(event.video_id)
            say(f"  {event.line}")

    def _log_stop(self) -> None:
        """Set the status now: the process may be killed before its last checkpoint is written."""
        self.tracker.status("KILLED")
        say("  stopping: workers keep a checkpoint first")

    def _say_stopped(self, event: Stopped) -> None:
        kept = (
            f"the newest checkpoint is {event.checkpoint}"
            if event.checkpoint
            else "there is no checkpoint yet"
        )
        say(f"  {kept}" if event.workers_ended else f"  workers did not end in time: {kept}")

    def _write_history(self) -> None:
        write_json(self.config.folder / HISTORY, {"epochs": self.history, "start_score": self.start_score})

    def _log(self, row: dict[str, float]) -> None:
        metrics = {name: value for name, value in row.items() if name != "epoch"}
        self.tracker.metrics(metrics, step=int(row["epoch"]))

    def _note(self) -> str:
        if not self.history:
            return ""
        last = self.history[-1]
        scores = [row[SCORE] for row in self.history if SCORE in row]
        score = f", validation {scores[-1]:.3f}" if scores else ""
        return (
            f"epoch {int(last['epoch']) + 1}, loss {last['train/loss']:.3f}{score}, "
            f"T' {last['train/timesteps']:.1f}, {last['train/videos_per_second']:.1f} videos/s"
        )
