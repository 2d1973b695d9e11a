"""Run folders: claiming one, refusing taken names, starting Ray and tracking for it, and saving its model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from epitoma.core.config import CONFIG_FILE, flatten, to_dict
from epitoma.core.errors import RunError
from epitoma.datasets.manifest import Manifest
from epitoma.files.claims import claimed
from epitoma.files.json_files import write_json
from epitoma.files.presence import is_file
from epitoma.models.videoepitoma import ModelConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.tracking.lifecycle import tracked_run
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.checkpoint import MODEL, State


@contextmanager
def tracked_job(config: Any, *, parent: Path | None = None) -> Iterator[RunTracker]:
    """Write a run's config, and have Ray and the run's MLflow tracker for the block.

    Args:
        config: Config with ``folder`` and ``resume``.
        parent: Folder of the run that this one is nested in, in MLflow.
    """
    # `resume` is a setting of this job, not of the run.
    write_json(config.folder / CONFIG_FILE, to_dict(replace(config, resume=False)))
    params = flatten(to_dict(config))
    with (
        ray_session(logs=config.folder / "logs"),
        tracked_run(config.folder, params=params, parent=parent) as tracker,
    ):
        tracker.artifact(config.folder / CONFIG_FILE)
        yield tracker


@contextmanager
def claimed_run(config: Any) -> Iterator[None]:
    """Have a run's folder alone within the block; it must be new unless the run is resumed.

    Args:
        config: Config with ``folder``, ``name`` and ``resume``.

    Raises:
        RunError: The name is taken, or there is nothing to resume.
        BusyError: Another job works on this run now.
    """
    # Before the claim, which makes the folder.
    if config.resume and not _exists(config.folder):
        raise RunError(f"no run at {config.folder} to resume")
    job = type(config).__name__.removesuffix("Config").lower()
    with claimed(config.folder, by=f"{job} {config.name}"):
        if _exists(config.folder) and not config.resume:
            raise RunError(
                f"run {config.folder} exists already: choose another --name, or go on with it with --resume"
            )
        yield


def _exists(folder: Path) -> bool:
    return is_file(folder / CONFIG_FILE)


def save_run_model(folder: Path, *, config: ModelConfig, state: State) -> None:
    """Save a finished run's model, in the form that both `load_model` and MLflow read.

    Args:
        folder: Folder of the run.
        config: Config that the model is built from.
        state: Tensors of all parts of the model.
    """
    # Imported here: it takes seconds that would delay the start of every run.
    from epitoma.tracking.mlflow_model import save_mlflow_model

    save_mlflow_model(folder / MODEL, config=config, state=state)


def check_classes(manifest: Manifest, model: ModelConfig, run: Path) -> None:
    """Check that a dataset has the model's classes, in the same order.

    Raises:
        RunError: The classes differ.
    """
    if manifest.classes != tuple(model.classes):
        raise RunError(
            f"{manifest.path} has classes {', '.join(manifest.classes)}, "
            f"but the model of {run} knows {', '.join(model.classes)}"
        )
