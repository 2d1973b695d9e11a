"""Train selector and classifier on Ray Train, from stored features or end to end from pixels.

``--preset NAME`` gives defaults for a purpose: ``standalone``, ``frozen``, ``end_to_end``, ``breakfast``, ``charades``;
``--preset breakfast:i3d`` chooses the HeavyNet too. ``--config FILE`` takes them from JSON.
"""

import math
from collections.abc import Callable
from pathlib import Path

import ray

from epitoma.core.config import CONFIG_FILE, flatten, to_dict
from epitoma.core.errors import RunError
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.files.json_files import read_json, write_json
from epitoma.models.videoepitoma import ModelConfig, Networks, build_on
from epitoma.on_ray.train.board import new_board
from epitoma.on_ray.train.trainer import Job, fit
from epitoma.presets import preset
from epitoma.reporting.console import phase, say
from epitoma.reporting.plots import training_figure
from epitoma.tracking.mlflow_run import RunTracker
from epitoma.training.checkpoint import MODEL, State, state_of
from epitoma.training.context import Event
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.extraction import extract_with
from ray_jobs.parts.runs import create_run_folder, save_run_model, tracked_job
from ray_jobs.parts.starting_point import starting_point

HISTORY = "history.json"


def unchanged(state: State) -> State:
    """The model as it was trained."""
    return state


def train(
    config: TrainConfig, *, parent: Path | None = None, finish: Callable[[State], State] = unchanged
) -> Path:
    """Train one run and return its folder.

    Args:
        config: The run.
        parent: Folder of the run that this one is nested in.
        finish: From the state of the best model to what is kept.

    Raises:
        EpitomaError: Bad input: a taken name, a missing manifest or weight file, too many bad videos.
    """
    manifest = read_manifest(config.manifest)
    config, networks, start = starting_point(config, manifest)
    create_run_folder(config.folder, resume=config.resume)
    if config.resume:
        check_resumed(config)
    with tracked_job(config, parent=parent) as tracker:
        best = _fit(config, manifest, networks, start, tracker)
        model = config.model(classes=manifest.classes, multi_label=manifest.multi_label)
        save_run_model(config.folder, config=model, state=finish(_whole(model, networks, best)))
        tracker.artifact(config.folder / MODEL, folder=MODEL)
        if config.register_as is not None:
            tracker.register(config.register_as, folder=MODEL)
    return config.folder


def check_resumed(config: TrainConfig) -> None:
    """Refuse to go on with a run under other settings than its own; it may get more epochs or workers.

    Raises:
        RunError: Settings differ.
    """
    stored, asked = flatten(read_json(config.folder / CONFIG_FILE)), flatten(to_dict(config))
    optimisation = ("optimisation.epochs", "optimisation.patience", "optimisation.accumulate")
    may_differ = ("resume", "workers.", "checkpoint_every", "audit", "register_as", *optimisation)
    names = sorted(name for name in stored.keys() | asked.keys() if not name.startswith(may_differ))
    differing = [name for name in names if stored.get(name) != asked.get(name)]
    if differing:
        raise RunError(
            f"run {config.folder} was started with other settings than it is to be resumed with: "
            + ", ".join(f"{name} {stored.get(name)}, not {asked.get(name)}" for name in differing)
            + f" (its own are in {config.folder / CONFIG_FILE}: give them with --config)"
        )


class Watcher:
    """Shows a run's events to the person, logs them to MLflow, and keeps what must be kept."""

    def __init__(self, config: TrainConfig, tracker: RunTracker, advance) -> None:
        self.config = config
        self.tracker = tracker
        self.advance = advance
        self.history: list[dict[str, float]] = []
        self.rejects: list[Reject] = []
        self.damaged: set[str] = set()
        self.collapses: set[str] = set()
        self.start_score = -math.inf

    def __call__(self, event: Event) -> None:
        """Take one event."""
        handlers = {
            "start": self._start,
            "step": self._step,
            "epoch": self._epoch,
            "reject": self._reject,
            "damaged": self._damaged,
            "collapsed": self._collapsed,
            "no_better": self._no_better,
            "resumed": self._resumed,
            "stopping": self._stopping,
            "stopped": self._stopped,
        }
        handlers[event["kind"]](event)

    def _start(self, event: Event) -> None:
        self.start_score = score = event["metrics"]["validation/score"]
        say(
            f"  starts at validation {score:.3f}, and keeps that model unless training makes one at least as good"
        )

    def _step(self, event: Event) -> None:
        total = self.config.optimisation.epochs * event["steps"]
        self.advance(event["epoch"] * event["steps"] + event["step"], total, self._note())

    def _epoch(self, event: Event) -> None:
        self._forget_from(event["epoch"])
        self.history.append({"epoch": event["epoch"], **event["metrics"]})
        write_json(self.config.folder / HISTORY, {"epochs": self.history})
        self._tell_mlflow(self.history[-1])

    def _forget_from(self, epoch: int) -> None:
        """Leave out epochs that are done anew, after a worker died and was started again."""
        self.history = [row for row in self.history if row["epoch"] < epoch]

    def _reject(self, event: Event) -> None:
        if event["video_id"] in {reject.video_id for reject in self.rejects}:
            return
        self.rejects.append(Reject(event["video_id"], event["path"], event["reject"]))
        say(f"  rejected {event['path']}: {event['reject']}")

    def _damaged(self, event: Event) -> None:
        if event["video_id"] not in self.damaged:
            self.damaged.add(event["video_id"])
            say(f"  damaged {event['path']}: {event['replaced']} frames replaced by the nearest good ones")

    def _collapsed(self, event: Event) -> None:
        """Say what is wrong once, and keep it with the run."""
        if event["what"] not in self.collapses:
            self.collapses.add(event["what"])
            self.tracker.tags({"collapsed": event["what"]})
            say(f"  the selector has collapsed: {event['what']}")

    def _no_better(self, event: Event) -> None:
        patience = self.config.optimisation.patience
        say(
            f"  ended after epoch {event['epoch']}: the last {patience} validations found nothing better "
            "(optimisation.patience)"
        )

    def _resumed(self, event: Event) -> None:
        """Take the curve from the checkpoint: a driver that was killed may not have heard of its last epochs."""
        known = {row["epoch"] for row in self._kept_history()}
        self.history = event["history"]
        write_json(self.config.folder / HISTORY, {"epochs": self.history})
        for row in self.history:
            if row["epoch"] not in known:
                self._tell_mlflow(row)
        within = f", in step {event['step'] + 1} of the next" if event["step"] else ""
        say(f"  resumed after epoch {event['epoch']}{within}")

    def _kept_history(self) -> list[dict[str, float]]:
        file = self.config.folder / HISTORY
        return read_json(file)["epochs"] if file.is_file() else []

    def _tell_mlflow(self, row: dict[str, float]) -> None:
        metrics = {name: value for name, value in row.items() if name != "epoch"}
        self.tracker.metrics(metrics, step=int(row["epoch"]))

    def _stopping(self, event: Event) -> None:
        """Tell MLflow at once, since whoever stops the run may not wait for its last checkpoint."""
        self.tracker.status("KILLED")
        say("  stopping: workers keep a checkpoint first")

    def _stopped(self, event: Event) -> None:
        kept = (
            f"the newest checkpoint is {event['newest']}" if event["newest"] else "there is no checkpoint yet"
        )
        say(f"  {kept}" if event["ended"] else f"  workers did not end in time: {kept}")

    def say_what_was_kept(self) -> None:
        """Tell the person when all the training made nothing better than the model it started from."""
        scores = [row["validation/score"] for row in self.history if "validation/score" in row]
        if scores and max(scores) < self.start_score:
            say("  no epoch was as good: the model is the one that training started from")

    def _note(self) -> str:
        if not self.history:
            return ""
        last = self.history[-1]
        scores = [row["validation/score"] for row in self.history if "validation/score" in row]
        score = f", validation {scores[-1]:.3f}" if scores else ""
        return (
            f"epoch {int(last['epoch']) + 1}, loss {last['train/loss']:.3f}{score}, "
            f"T' {last['train/timesteps']:.1f}, {last['train/videos_per_second']:.1f} videos/s"
        )


def _fit(
    config: TrainConfig, manifest: Manifest, networks: Networks, start: State | None, tracker: RunTracker
) -> State:
    networks.run_as(config.speed)
    store, rejects = None, []
    if config.source == "features":
        used = [*manifest.split("train").video_ids, *manifest.split("validation").video_ids]
        extracted = extract_with(
            manifest.only(used),
            networks,
            timesteps=config.dense,
            root=config.feature_root,
            max_reject_share=config.max_reject_share,
        )
        store, rejects = extracted.folder, extracted.rejects
    job = Job(
        config=config,
        manifest=manifest,
        networks=ray.put(networks),
        start=start,
        store=store,
        board=new_board(),
    )
    with phase(f"train {config.name} from {config.source}", unit="steps") as advance:
        watcher = Watcher(config, tracker, advance)
        try:
            best = fit(job, watch=watcher)
        finally:
            write_rejects(config.folder / "rejects.parquet", [*rejects, *watcher.rejects])
    watcher.say_what_was_kept()
    figure = config.folder / "training.png"
    training_figure(watcher.history, figure, title=config.name)
    tracker.artifact(figure)
    return best


def _whole(config: ModelConfig, networks: Networks, best: State) -> State:
    """The best state, completed with the networks where they were not trained."""
    model = build_on(config, networks, keep_networks=True)
    return {**state_of(model), **best}


def main() -> None:
    """The command."""
    run_job(TrainConfig, train, about=__doc__, preset=preset)


if __name__ == "__main__":
    main()
