"""MeasuredRun: config and evaluation results of a run, as studies use them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from epitoma.core.config import CONFIG_FILE, flatten
from epitoma.core.errors import RunError
from epitoma.datasets import breakfast, charades
from epitoma.evaluation.choices import CHOICES_FILE, Choices, read_choices
from epitoma.evaluation.tradeoff import TradeoffPoint, read_points
from epitoma.files.json_files import read_json
from epitoma.files.presence import entries_of, is_file
from epitoma.training.history import HISTORY, kept_start

Role = Literal["stand-alone", "frozen", "end-to-end", "plain"]
"""How a run was trained: ``stand-alone`` with one light network for both, ``frozen`` on stored features, ``end-to-end``
from pixels with trained networks, ``plain`` without a selector."""

# Options that do not make a different setting: names and places, sources of weights, and how the run was executed.
_PLACES = ("manifest", "name", "runs", "features", "seed")
_FROM = ("start_from",)
_HOW = ("workers.", "speed.", "resume", "checkpoint_every", "max_reject_share")

_TRADEOFF = "tradeoff.parquet"


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """A run that has been trained and evaluated.

    Attributes:
        name: Name of its folder.
        dataset: ``breakfast`` or ``charades``, recognised by their classes, else the name of the manifest's folder.
        seed: Seed of its training.
        role: How it was trained.
        heavy: HeavyNet, with frames and size if they are not the network's own.
        settings: Other options of the run, by dotted names.
        multi_label: Whether scores are mAP.
        timesteps: Number of candidates, T.
        points: Points among all candidates, by split.
        among: Points on test among fewer candidates, by their number.
        off_the_shelf: Points with the selector of another run in front of its classifier, by selector and split.
        choices: Choices of its selector on test; None without a selector.
    """

    name: str
    dataset: str
    seed: int
    role: Role
    heavy: str
    settings: Mapping[str, Any]
    multi_label: bool
    timesteps: int
    points: Mapping[str, Sequence[TradeoffPoint]]
    among: Mapping[int, Sequence[TradeoffPoint]]
    off_the_shelf: Mapping[str, Mapping[str, Sequence[TradeoffPoint]]]
    choices: Choices | None

    @property
    def is_context_conditioned(self) -> bool:
        """Whether its gates use context attention over the whole video."""
        return bool(self.settings["head.selector.context"])


def read_measured(folder: Path) -> MeasuredRun:
    """Read a run that has been trained, and evaluated on test.

    Raises:
        RunError: The folder has no finished run, or the run has not been evaluated on test.
    """
    if not is_file(folder / "model" / CONFIG_FILE):
        raise RunError(f"no finished run at {folder}")
    points = _by_split(folder)
    if "test" not in points:
        raise RunError(
            f"{folder} has not been evaluated: python -m ray_jobs.evaluate --run {folder} --manifest ..."
        )
    asked, model = read_json(folder / CONFIG_FILE), read_json(folder / "model" / CONFIG_FILE)
    choices = folder / "evaluation_test" / CHOICES_FILE
    return MeasuredRun(
        name=folder.name,
        dataset=_dataset(model["classes"], Path(asked["manifest"])),
        seed=asked["seed"],
        role=_role(asked, model, folder),
        heavy=heavy_name(model["networks"]["heavy"]),
        settings={k: v for k, v in flatten(asked).items() if not k.startswith((*_PLACES, *_FROM, *_HOW))},
        multi_label=model["multi_label"],
        timesteps=model["timesteps"],
        points=points,
        among=dict(sorted(_among(folder))),
        off_the_shelf=_off_the_shelf(folder),
        choices=read_choices(choices) if is_file(choices) else None,
    )


def heavy_name(network: Mapping[str, Any]) -> str:
    """Name of a HeavyNet for tables."""
    frames = "" if network["frames"] is None else f" x{network['frames']}"
    size = "" if network["size"] is None else f" {network['size']} px"
    return f"{network['name']}{frames}{size}"


def _kept_its_start(folder: Path) -> bool:
    file = folder / HISTORY
    if not is_file(file):
        return False
    return kept_start(read_json(file)["epochs"])


def _points(folder: Path) -> list[TradeoffPoint]:
    file = folder / _TRADEOFF
    return read_points(file) if is_file(file) else []


def _by_split(folder: Path, *, suffix: str = "") -> dict[str, list[TradeoffPoint]]:
    found = {split: _points(folder / f"evaluation_{split}{suffix}") for split in ("validation", "test")}
    return {split: points for split, points in found.items() if points}


def _off_the_shelf(folder: Path) -> dict[str, dict[str, list[TradeoffPoint]]]:
    found = entries_of(folder, "evaluation_test_selector_of_*")
    suffixes = [place.name.removeprefix("evaluation_test") for place in found]
    return {suffix.removeprefix("_selector_of_"): _by_split(folder, suffix=suffix) for suffix in suffixes}


def _among(folder: Path) -> list[tuple[int, list[TradeoffPoint]]]:
    found = entries_of(folder, "evaluation_test_among_*")
    numbers = [(place.name.rsplit("_", 1)[1], place) for place in found if is_file(place / _TRADEOFF)]
    return [(int(number), _points(place)) for number, place in numbers if number.isdigit()]


def _dataset(classes: Sequence[str], manifest: Path) -> str:
    if tuple(name.split(" ")[0] for name in classes) == charades.CODES:
        return "charades"
    return "breakfast" if tuple(classes) == breakfast.CLASSES else manifest.parent.name


def _role(asked: Mapping[str, Any], model: Mapping[str, Any], folder: Path) -> Role:
    if asked["selection"] != "learnt":
        return "plain"
    trains_networks = asked["source"] == "pixels" and asked["optimisation"]["network_learning_rate"] > 0
    if trains_networks and not _kept_its_start(folder):
        return "end-to-end"
    light, heavy = model["networks"]["light"], model["networks"]["heavy"]
    same = all(light[name] == heavy[name] for name in ("name", "size")) and (heavy["frames"] or 1) == 1
    return "stand-alone" if same else "frozen"
