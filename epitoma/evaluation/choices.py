"""Choices: the timesteps that a selector chose in each video of a split, stored for later comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from epitoma.core.errors import RunError
from epitoma.files.parquet import read_parquet, write_parquet
from epitoma.models.gating import top_k

CHOICES_FILE = "choices.parquet"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A selector's choices in the videos of a split, all among the same number of candidates.

    Attributes:
        video_ids: Ids of the videos.
        labels: Names of the classes that each video shows.
        alpha_VT: Scores, by which timesteps are kept.
        open_VT: Whether the gate of each timestep is open without a budget.
    """

    video_ids: Sequence[str]
    labels: Sequence[Sequence[str]]
    alpha_VT: Tensor
    open_VT: Tensor

    def kept(self, budget: int) -> Tensor:
        """Mask of the best timesteps of each video at a budget, ``(V, T)``."""
        return top_k(self.alpha_VT, torch.ones_like(self.open_VT), budget)

    def ratio_by_class(self) -> Mapping[str, float]:
        """Mean share of open timesteps by class, the paper's ratio of selected timesteps."""
        ratio_V = self.open_VT.float().mean(dim=1)
        names = sorted({name for each in self.labels for name in each})
        return {
            name: float(ratio_V[torch.tensor([name in each for each in self.labels])].mean())
            for name in names
        }


def agreement(one: Choices, other: Choices, *, budget: int) -> float:
    """Share of the timesteps kept by one selector that another keeps too, at the same budget.

    Random choices have ``budget / T``.

    Raises:
        RunError: The choices are of different videos or different numbers of candidates.
    """
    if list(one.video_ids) != list(other.video_ids) or one.alpha_VT.shape != other.alpha_VT.shape:
        raise RunError(
            f"choices of {len(one.video_ids)} videos among {one.alpha_VT.shape[1]} timesteps cannot be compared to "
            f"those of {len(other.video_ids)} among {other.alpha_VT.shape[1]}: evaluate both on the same split"
        )
    kept_VT = one.kept(budget)
    return float((kept_VT & other.kept(budget)).sum() / kept_VT.sum())


def write_choices(path: Path, choices: Choices) -> None:
    """Write the choices as Parquet, one row a video."""
    columns: dict[str, Any] = {
        "video_id": list(choices.video_ids),
        "labels": [list(each) for each in choices.labels],
        "score": choices.alpha_VT.tolist(),
        "open": choices.open_VT.tolist(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, pa.table(columns))


def read_choices(path: Path) -> Choices:
    """Read what :func:`write_choices` wrote."""
    columns = read_parquet(path).to_pydict()
    return Choices(
        video_ids=columns["video_id"],
        labels=columns["labels"],
        alpha_VT=torch.tensor(columns["score"]),
        open_VT=torch.tensor(columns["open"]),
    )
