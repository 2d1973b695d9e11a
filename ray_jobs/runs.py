"""Run folders: where a run's model lies, and refusing names that are taken."""

from pathlib import Path

from epitoma.datasets.manifest import Manifest
from epitoma.errors import RunError
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma
from epitoma.training.checkpoint import MODEL_FILE

CONFIG = "config.json"
MODEL = "model"


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
