"""Points of accuracy against computation, one for each way and budget of choosing timesteps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from epitoma.files.parquet import read_parquet

SamplingName = Literal["selector", "gate", "uniform", "random", "dense"]
"""``selector`` keeps a given number of best timesteps, ``gate`` as many as it likes, ``dense`` all."""

ClassifierName = Literal["own", "reference"]
"""The model's own classifier, or one that was trained without a selector."""


@dataclass(frozen=True, kw_only=True)
class TradeoffPoint:
    """One way of choosing timesteps on one split.

    Attributes:
        sampling: The way.
        classifier: Which classifier saw the timesteps.
        candidates: Timesteps among which were chosen, T.
        budget: Timesteps asked for; for ``gate`` the mean kept, rounded.
        timesteps: Mean timesteps kept, T'.
        score: Accuracy, or mAP where multi-label.
        gmacs_light: LightNet, context, kernels and gating.
        gmacs_heavy: HeavyNet.
        gmacs_classifier: Classifier.
        selection_precision: Share of kept timesteps inside true evidence; None where intervals are unknown.
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
        """All computation of one video."""
        return self.gmacs_light + self.gmacs_heavy + self.gmacs_classifier


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One way of choosing timesteps over several seeds.

    Attributes:
        sampling: The way.
        timesteps: Timesteps asked for.
        mean: Mean score.
        std: Standard deviation of the score (of a sample: n - 1); 0 where there is one seed.
    """

    sampling: str
    timesteps: int
    mean: float
    std: float


def over_seeds(scores: Mapping[tuple[str, int], Sequence[float]]) -> list[Spread]:
    """Mean and deviation of the scores of each (sampling, timesteps), one score a seed."""
    return [
        Spread(
            sampling=sampling,
            timesteps=timesteps,
            mean=mean(values),
            std=stdev(values) if len(values) > 1 else 0.0,
        )
        for (sampling, timesteps), values in scores.items()
    ]


def find(
    points: Iterable[TradeoffPoint],
    sampling: SamplingName,
    *,
    classifier: ClassifierName = "own",
    budget: int | None = None,
) -> TradeoffPoint:
    """The point of a sampling, and of a budget where the sampling has several.

    Raises:
        KeyError: There is none.
    """
    for point in points:
        same = point.sampling == sampling and point.classifier == classifier
        if same and budget in (None, point.budget):
            return point
    raise KeyError(f"no point of {sampling} ({classifier}) at budget {budget}")


def write_points(path: Path, points: Sequence[TradeoffPoint]) -> None:
    """Write the points as Parquet, with the total in a column of its own."""
    rows = [{**vars(point), "gmacs": point.gmacs} for point in points]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def read_points(path: Path) -> list[TradeoffPoint]:
    """Read what :func:`write_points` wrote."""
    names = {field.name for field in fields(TradeoffPoint)}
    rows = read_parquet(path).to_pylist()
    return [TradeoffPoint(**{name: row[name] for name in names}) for row in rows]


def markdown_table(points: Sequence[TradeoffPoint]) -> str:
    """The points as a Markdown table."""
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
