"""Run folders: beginning a run in one, where its model lies, and refusing names that are taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from epitoma.config import flatten, to_dict
from epitoma.datasets.manifest import Manifest
from epitoma.errors import RunError
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma
from epitoma.on_ray.runtime import ray_session
from epitoma.tracking import RunTracker, tracked_run
from epitoma.training.checkpoint import MODEL_FILE, write_json

CONFIG = "config.json"
MODEL = "model"


@contextmanager
def begun(config: Any, *, parent: Path | None = None) -> Iterator[RunTracker]:
    """A run in a folder that is claimed: its config kept, Ray there, and MLflow told, for the block.

    Args:
        config: Of the run: has its ``folder``, and whether to ``resume``.
        parent: Folder of the run that this one is nested in.
    """
    write_json(config.folder / CONFIG, to_dict(replace(config, resume=False)))
    params = flatten(to_dict(config))
    with (
        ray_session(logs=config.folder / "logs"),
        tracked_run(config.folder, params=params, parent=parent) as tracker,
    ):
        tracker.artifact(config.folder / CONFIG)
        yield tracker


def model_folder(run: Path) -> Path:
    """The folder of a finished run's model; ``run`` may be that folder itself.

    Raises:
        RunError: The run does not exist or has not finished.
    """
    for folder in (run / MODEL, run):
        if (folder / MODEL_FILE).is_file():
            return folder
    raise RunError(f"no finished run at {run} (no {MODEL}/{MODEL_FILE} in it)")


def claim(folder: Path, *, resume: bool) -> None:
    """Take a run's folder, new unless it is to be resumed.

    Raises:
        RunError: The name is taken, or there is nothing to resume.
    """
    exists = (folder / CONFIG).is_file()
    if exists and not resume:
        raise RunError(f"run {folder} exists already: choose another --name, or go on with it with --resume")
    if resume and not exists:
        raise RunError(f"no run at {folder} to resume")
    folder.mkdir(parents=True, exist_ok=True)


def check_classes(manifest: Manifest, model: ModelConfig, run: Path) -> None:
    """Refuse a dataset whose classes are not the model's.

    Raises:
        RunError: They differ.
    """
    if manifest.classes != tuple(model.classes):
        raise RunError(
            f"{manifest.path} has classes {', '.join(manifest.classes)}, "
            f"but the model of {run} knows {', '.join(model.classes)}"
        )


def networks_of(model: VideoEpitoma) -> Networks:
    """The networks of a whole model.

    Raises:
        RunError: The model has none.
    """
    if model.networks is None:
        raise RunError("this model was saved without its networks")
    return model.networks
