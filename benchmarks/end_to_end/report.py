"""What was measured, as tables: every arm, and what is claimed of them, paired over seeds."""

from collections.abc import Sequence
from statistics import mean
from typing import Literal

from benchmarks.end_to_end.measure import KEPT, Row
from benchmarks.paired import mean_and_error, with_error

CLAIMS = (
    ("all", "detached", "choices are better for what comes of them: the paper's claim"),
    ("all", "heavy_only", "choosing gains beyond a better HeavyNet"),
    ("all", "frozen", "networks gain from being trained"),
    ("all", "start", "training end to end gains at all"),
)

Measure = Literal["accuracy", "precision"]


def ahead(rows: Sequence[Row], one: str, other: str, measure: Measure = "accuracy") -> tuple[float, float]:
    """By how much one arm is ahead of another in the mean over all T', and the standard error over paired seeds."""
    differences = [
        mean(
            _value(rows, one, seed, kept, measure) - _value(rows, other, seed, kept, measure) for kept in KEPT
        )
        for seed in sorted({row.seed for row in rows})
    ]
    return mean_and_error(differences)


def markdown(rows: Sequence[Row]) -> str:
    """A table of arms and one of claims for each head."""
    heads = dict.fromkeys(row.head for row in rows)
    return "\n\n".join(f"{head}:\n\n{_of_head([row for row in rows if row.head == head])}" for head in heads)


def _of_head(rows: Sequence[Row]) -> str:
    return f"{_arms(rows)}\n\n{_claims(rows)}"


def _arms(rows: Sequence[Row]) -> str:
    """Means over seeds: accuracy at each T', and the share of evidence among four timesteps."""
    asked = [f"T' = {kept}" for kept in KEPT]
    lines = [
        f"| arm | {' | '.join(asked)} | evidence among 4 |",
        "|---|---:|---:|---:|---:|",
    ]
    for arm in dict.fromkeys(row.arm for row in rows):
        own = [row for row in rows if row.arm == arm]
        cells = [f"{mean(row.accuracy for row in own if row.timesteps == kept):.3f}" for kept in KEPT]
        shown = mean(row.precision for row in own if row.timesteps == 4)
        lines.append(f"| {arm} | {' | '.join(cells)} | {shown:.2f} |")
    return "\n".join(lines)


def _claims(rows: Sequence[Row]) -> str:
    """What one arm is ahead of another; it showed if that is two standard errors, for which one seed is too few."""
    lines = ["| claim | arms | accuracy | evidence | accuracy showed |", "|---|---|---:|---:|---|"]
    for one, other, claim in CLAIMS:
        gain, error = ahead(rows, one, other)
        cells = (
            claim,
            f"{one} above {other}",
            with_error(gain, error),
            with_error(*ahead(rows, one, other, "precision")),
            "yes" if gain > 2 * error else "**no**",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _value(rows: Sequence[Row], arm: str, seed: int, kept: int, measure: Measure) -> float:
    (found,) = (row for row in rows if (row.arm, row.seed, row.timesteps) == (arm, seed, kept))
    return getattr(found, measure)
