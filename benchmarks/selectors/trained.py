"""One training of one way: what came of it at every number of timesteps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from epitoma.files.json_files import read_json


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training, or another way to ask the same one.

    Attributes:
        dataset: Name of the dataset.
        way: What was trained.
        selector: What was asked: the way, or another way to ask it.
        settings: With which settings, as texts.
        seed: Under which seed: all ways see the same videos under a seed, so differences are paired.
        looks: Whether LightNet looks at every candidate.
        timesteps: Timesteps asked for.
        kept: Timesteps that were really kept on test videos, in the mean.
        accuracy: On test.
        validation: On validation.
        commit: Of the code.
    """

    dataset: str
    way: str
    selector: str
    settings: Mapping[str, str]
    seed: int
    looks: bool
    timesteps: Sequence[int]
    kept: Sequence[float]
    accuracy: Sequence[float]
    validation: Sequence[float]
    commit: str

    @property
    def score(self) -> float:
        """What settings are chosen by: accuracy on validation, averaged over all numbers of timesteps."""
        return mean(self.validation)


def as_texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as records have them."""
    return {name: str(value) for name, value in settings.items()}


def read_trained(path: Path) -> list[Trained]:
    """Trainings of a record; none where there is no file yet."""
    return [Trained(**row) for row in read_json(path)["trainings"]] if path.exists() else []


def preferred(trainings: Sequence[Trained]) -> Mapping[str, str]:
    """The settings of a way that validation prefers, in the mean over the seeds that all of them have."""
    settings = list({str(each.settings): each.settings for each in trainings}.values())
    seeds = [{each.seed for each in trainings if each.settings == own} for own in settings]
    shared = set.intersection(*seeds)
    return max(
        settings,
        key=lambda own: mean(
            each.score for each in trainings if each.settings == own and each.seed in shared
        ),
    )
