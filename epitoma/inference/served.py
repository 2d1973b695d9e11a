"""Model served by MLflow as a pyfunc: the input is a table of paths, the output a list of predictions.

Saved models store this module's name, and MLflow imports it: the module must not be moved or renamed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from epitoma.core.errors import ConfigError, EpitomaError, VideoError
from epitoma.datasets.unlabelled import MANIFEST_SUFFIX, list_unlabelled
from epitoma.files.presence import is_file
from epitoma.files.uris import hide_secrets, is_address
from epitoma.inference.predictor import Predictor, check_budget, check_top, load_predictor

DEFAULTS: dict[str, Any] = {"budget": 0, "top": 5, "min_score": 0.0}
"""Parameters of a request, with defaults: timesteps to keep (0 lets the gates decide), most labels to return, and the
lowest score of a returned label."""


class Table(Protocol):
    """The part of pandas.DataFrame that is used here."""

    columns: Iterable[Any]

    def __getitem__(self, name: str) -> Iterable[Any]: ...


class ServedModel:
    """Predicts videos one after the other; one that cannot be read gets an error, without failing the others."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: Table, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Predict the videos of the column ``path``.

        Returns:
            A dict per video: the best ``labels`` with their ``scores``, the kept ``timesteps`` with their times
            (``seconds``) and scores (``alpha``), the number of ``candidates``, the computation (``gmacs``), and an
            ``error``, which is None if there is a prediction.

        Raises:
            ConfigError: There is no such column, the budget is not a number of candidates, or ``top`` is below 1.
        """
        if "path" not in model_input.columns:
            raise ConfigError(
                f"the input has columns {', '.join(map(str, model_input.columns))}, but no path"
            )
        asked = {**DEFAULTS, **(params or {})}
        check_budget(asked["budget"] or None, self.predictor.config)
        check_top(asked["top"])
        return [self._answer(str(path), asked) for path in model_input["path"]]

    def _answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return {**self._said(path, asked), "error": None}
        except EpitomaError as error:
            empty = {name: [] for name in ("labels", "scores", "timesteps", "seconds", "alpha")}
            return {"path": path, **empty, "candidates": 0, "gmacs": 0.0, "error": hide_secrets(str(error))}

    def _said(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        prediction = self.predictor.predict(_video(path), budget=asked["budget"] or None)
        return {"path": path, **prediction.record(top=asked["top"], min_score=asked["min_score"])}


def _video(path: str) -> str:
    """Check that a path is an existing file or an address that may be read, and not a manifest of videos."""
    try:
        is_there = is_address(path) or is_file(path)
    except OSError as error:
        raise VideoError(path, error.strerror or "cannot be looked up") from error
    if not is_there:
        raise VideoError(path, "no such file")
    if not is_address(path) and Path(path).suffix == MANIFEST_SUFFIX:
        raise VideoError(path, "is a table, not a video")
    return list_unlabelled(path).videos[0].path


def _load_pyfunc(path: str) -> ServedModel:
    """Load the model from its folder; MLflow calls this function by name."""
    return ServedModel(load_predictor(path))
