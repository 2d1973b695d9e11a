"""Train selector and classifier on Ray Train, from stored features or end to end from pixels.

``--preset NAME`` gives defaults for a purpose: ``standalone``, ``frozen``, ``end_to_end``, ``paper``; ``--preset
paper:i3d`` chooses the HeavyNet too. ``--config FILE`` takes them from JSON. ``--selector NAME``, ``--classifier NAME``
and the names of networks, gates and losses may be those of a ``--plugin MODULE`` of one's own.
"""

from collections.abc import Callable
from pathlib import Path

import ray

from epitoma.core.config import CONFIG_FILE, flatten, to_dict
from epitoma.core.errors import RunError
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.files.json_files import read_json
from epitoma.models.videoepitoma import ModelConfig, Networks, build_for_networks
from epitoma.on_ray.train.board import new_board
from epitoma.on_ray.train.fit import Job, fit
from epitoma.presets import preset
from epitoma.reporting.console import phase
from epitoma.reporting.plots import training_figure
from epitoma.tracking.address import check_store
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.checkpoint import MODEL, State, state_of
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.extraction import extract_with
from ray_jobs.parts.runs import claimed_run, save_run_model, tracked_job
from ray_jobs.parts.starting_point import starting_point
from ray_jobs.parts.train_watcher import TrainWatcher


def unchanged(state: State) -> State:
    """Return the trained state as it is."""
    return state


def train(
    config: TrainConfig, *, parent: Path | None = None, finish: Callable[[State], State] = unchanged
) -> Path:
    """Train one run and return its folder.

    Args:
        config: Config of the run.
        parent: Folder of the run that this one is nested in, in MLflow.
        finish: Maps the state of the best model to the state that is saved.

    Raises:
        EpitomaError: Bad input: a taken name, a missing manifest or weight file, too many bad videos.
    """
    check_store(config.runs)
    manifest = read_manifest(config.manifest)
    config, networks, start = starting_point(config, manifest)
    with claimed_run(config):
        if config.resume:
            check_resumed(config)
        with tracked_job(config, parent=parent) as tracker:
            model = config.model(classes=manifest.classes, multi_label=manifest.multi_label)

            def keep(best: State) -> None:
                save_run_model(config.folder, config=model, state=finish(_whole(model, networks, best)))

            history = _fit(config, manifest, networks, start, tracker, keep=keep)
            _keep_figure(config, history, tracker)
            tracker.artifact(config.folder / MODEL, folder=MODEL)
            if config.register_as is not None:
                tracker.register(config.register_as, folder=MODEL)
    return config.folder


def check_resumed(config: TrainConfig) -> None:
    """Refuse to resume a run with other settings than its own; epochs and workers, for example, may differ.

    Raises:
        RunError: Settings differ.
    """
    stored, asked = flatten(read_json(config.folder / CONFIG_FILE)), flatten(to_dict(config))
    optimisation = ("optimisation.epochs", "optimisation.patience", "optimisation.accumulate")
    may_differ = ("resume", "gpu", "workers.", "checkpoint_every", "register_as", *optimisation)
    names = sorted(name for name in stored.keys() | asked.keys() if not name.startswith(may_differ))
    differing = [name for name in names if stored.get(name) != asked.get(name)]
    if differing:
        raise RunError(
            f"run {config.folder} was started with other settings than it is to be resumed with: "
            + ", ".join(f"{name} {stored.get(name)}, not {asked.get(name)}" for name in differing)
            + f" (its own are in {config.folder / CONFIG_FILE}: give them with --config)"
        )


def _fit(
    config: TrainConfig,
    manifest: Manifest,
    networks: Networks,
    start: State | None,
    tracker: RunTracker,
    *,
    keep: Callable[[State], None],
) -> list[dict[str, float]]:
    """Train; returns the metrics of each epoch. Whatever goes wrong with what is told, the model is kept before."""
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
            gpu=config.gpu,
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
        watcher = TrainWatcher(config, tracker, advance)
        try:
            fit(job, watch=watcher, keep=keep)
        finally:
            write_rejects(config.folder / "rejects.parquet", [*rejects, *watcher.rejects])
    watcher.print_kept_model()
    return watcher.history


def _keep_figure(config: TrainConfig, history: list[dict[str, float]], tracker: RunTracker) -> None:
    figure = config.folder / "training.png"
    training_figure(history, figure, title=config.name)
    tracker.artifact(figure)


def _whole(config: ModelConfig, networks: Networks, best: State) -> State:
    """The best state, with the networks' weights added where they were not trained."""
    model = build_for_networks(config, networks, keep_networks=True)
    return {**state_of(model), **best}


def main() -> None:
    """Run the command."""
    run_job(TrainConfig, train, about=__doc__, preset=preset)


if __name__ == "__main__":
    main()
