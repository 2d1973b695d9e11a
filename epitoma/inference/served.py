"""A model as MLflow loads and serves it: a table of paths in, a list of answers out.

MLflow imports this module by the name that stands in the model, so it must stay where it is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from epitoma.core.errors import ConfigError, EpitomaError, VideoError
from epitoma.datasets.unlabelled import MANIFEST_SUFFIX, list_unlabelled
from epitoma.files.uris import hide_secrets, is_address
from epitoma.inference.predictor import Predictor, check_budget, check_top, load_predictor

DEFAULTS: dict[str, Any] = {"budget": 0, "top": 5, "min_score": 0.0}
"""What may be asked beside the paths: timesteps to keep, 0 for as many as the gates open; labels told, at most; and the
least score of a label that is told."""


class Table(Protocol):
    """As much of a table of pandas as is asked of it."""

    columns: Iterable[Any]

    def __getitem__(self, name: str) -> Iterable[Any]: ...


class ServedModel:
    """Answers for videos one after the other; one that cannot be read gets its reason, and the others their answers."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: Table, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Recognise the videos of the column ``path``.

        Returns:
            A record each: the best ``labels`` with their ``scores``, the ``timesteps`` that were kept of how many
            ``candidates``, when they are (``seconds``), how they scored (``alpha``), the computation (``gmacs``), and
            an ``error`` where there is no answer.

        Raises:
            ConfigError: There is no such column, the budget is not a number of candidates, or no label may be told.
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
        said = self.predictor.predict(_video(path), budget=asked["budget"] or None)
        return {"path": path, **said.record(top=asked["top"], min_score=asked["min_score"])}


def _video(path: str) -> str:
    """The file or address itself, which must be one that may be read here, and no table of others."""
    try:
        is_there = is_address(path) or Path(path).is_file()
    except OSError as error:
        raise VideoError(path, error.strerror or "cannot be looked up") from error
    if not is_there:
        raise VideoError(path, "no such file")
    if not is_address(path) and Path(path).suffix == MANIFEST_SUFFIX:
        raise VideoError(path, "is a table, not a video")
    return list_unlabelled(path).videos[0].path


def _load_pyfunc(path: str) -> ServedModel:
    """What MLflow calls with the model's folder."""
    return ServedModel(load_predictor(path))
