"""TradeoffPoint: score and computation of a model with one sampling at one budget; files and tables of points."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa

from epitoma.files.parquet import read_parquet, write_parquet

SamplingName = Literal["selector", "gate", "uniform", "random", "dense"]
"""``selector`` keeps a given number of the best timesteps, ``gate`` those whose gates are open, ``dense`` all."""

ClassifierName = Literal["own", "reference"]
"""``own`` is the model's classifier, ``reference`` one that was trained without a selector."""


@dataclass(frozen=True, kw_only=True)
class TradeoffPoint:
    """Result of one sampling at one budget on one split.

    Attributes:
        sampling: How timesteps were chosen.
        classifier: Which classifier was used.
        candidates: Number of candidates, T.
        budget: Timesteps asked for; for ``gate`` the mean number kept, rounded.
        timesteps: Mean number of timesteps kept, T'.
        score: Accuracy, or mAP where the dataset is multi-label.
        gmacs_light: GMACs a video of LightNet, context, kernels and gating.
        gmacs_heavy: GMACs a video of HeavyNet.
        gmacs_classifier: GMACs a video of the classifier.
        selection_precision: Share of kept timesteps inside annotated evidence; None where intervals are unknown.
        milliseconds: Measured time of one core for a video, decoding included; None where it was not measured.
    """

    sampling: SamplingName
    classifier: ClassifierName
    candidates: int
    budget: int
    timesteps: float
    score: float
    gmacs_light: float
    gmacs_heavy: float
    gmacs_classifier: float
    selection_precision: float | None
    milliseconds: float | None = None

    @property
    def gmacs(self) -> float:
        """GMACs a video in total."""
        return self.gmacs_light + self.gmacs_heavy + self.gmacs_classifier


def find(
    points: Iterable[TradeoffPoint],
    sampling: SamplingName,
    *,
    classifier: ClassifierName = "own",
    budget: int | None = None,
) -> TradeoffPoint:
    """Find the point of a sampling and a classifier, and of a budget where there are several.

    Raises:
        KeyError: There is no such point.
    """
    for point in points:
        same = point.sampling == sampling and point.classifier == classifier
        if same and budget in (None, point.budget):
            return point
    raise KeyError(f"no point of {sampling} ({classifier}) at budget {budget}")


def write_points(path: Path, points: Sequence[TradeoffPoint]) -> None:
    """Write points as Parquet, with the total GMACs in an additional column."""
    rows = [{**vars(point), "gmacs": point.gmacs} for point in points]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, pa.Table.from_pylist(rows))


def read_points(path: Path) -> list[TradeoffPoint]:
    """Read what :func:`write_points` wrote."""
    names = {field.name for field in fields(TradeoffPoint)}
    rows = read_parquet(path).to_pylist()
    return [TradeoffPoint(**{name: row[name] for name in names}) for row in rows]


def markdown_table(points: Sequence[TradeoffPoint]) -> str:
    """Format points as a Markdown table."""
    lines = [
        "| sampling | classifier | T' | score | GMACs | light + gating | HeavyNet | classifier | precision |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for p in points:
        precision = "" if p.selection_precision is None else f"{p.selection_precision:.2f}"
        lines.append(
            f"| {p.sampling} | {p.classifier} | {p.timesteps:.4g} | {p.score:.3f} | {p.gmacs:.3g} "
            f"| {p.gmacs_light:.3g} | {p.gmacs_heavy:.3g} | {p.gmacs_classifier:.2g} | {precision} |"
        )
    return "\n".join(lines) + "\n"
