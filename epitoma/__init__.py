"""epitoma: recognise minutes-long actions by looking closely at a few timesteps."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epitoma.inference.predictor import Predictor


def load(path: str | Path, *, device: str | None = None) -> "Predictor":
    """A trained model, ready to be asked about videos: ``epitoma.load("runs/demo/selector").predict("video.mp4")``.

    Args:
        path: The folder of a finished run.
        device: Where to compute, such as ``cpu`` or ``cuda``; None is a GPU where there is one.

    Raises:
        RunError: There is no finished run.
    """
    # Imported here, because processes that only decode do without torch, which takes seconds.
    from epitoma.inference.predictor import load_predictor

    return load_predictor(path, device=device)
