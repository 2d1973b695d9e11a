"""What was measured, as tables: every arm, and what is claimed of them, paired over seeds."""

from collections.abc import Sequence
from statistics import mean

from benchmarks.end_to_end.measure import KEPT, Row
from benchmarks.paired import mean_and_error

CLAIMS = (
    ("all", "detached", "choices are better for what comes of them: the paper's claim"),
    ("all", "heavy_only", "choosing gains beyond a better HeavyNet"),
    ("all", "frozen", "networks gain from being trained"),
    ("all", "start", "training end to end gains at all"),
)


def ahead(rows: Sequence[Row], one: str, other: str) -> tuple[float, float]:
    """By how much one arm is ahead of another in the mean over all T', and the standard error over paired seeds."""
    differences = [
        mean(_accuracy(rows, one, seed, kept) - _accuracy(rows, other, seed, kept) for kept in KEPT)
        for seed in sorted({row.seed for row in rows})
    ]
    return mean_and_error(differences)


def markdown(rows: Sequence[Row]) -> str:
    """A table and the claims for each head."""
    heads = dict.fromkeys(row.head for row in rows)
    return "\n\n".join(f"{head}:\n\n{_of_head([row for row in rows if row.head == head])}" for head in heads)


def _of_head(rows: Sequence[Row]) -> str:
    """A line for each arm, and one for each claim."""
    lines = [
        f"| arm | {' | '.join(f'T = {kept}' for kept in KEPT)} | evidence among 4 |",
        "|---|---:|---:|---:|---:|",
    ]
    for arm in dict.fromkeys(row.arm for row in rows):
        cells = [
            f"{mean(r.accuracy for r in rows if (r.arm, r.timesteps) == (arm, kept)):.3f}" for kept in KEPT
        ]
        shown = mean(row.precision for row in rows if (row.arm, row.timesteps) == (arm, 4))
        lines.append(f"| {arm} | {' | '.join(cells)} | {shown:.2f} |")
    for one, other, claim in CLAIMS:
        gain, error = ahead(rows, one, other)
        lines.append(f"\n{one} above {other}: {gain:+.3f} +- {error:.3f} ({claim})")
    return "\n".join(lines)


def _accuracy(rows: Sequence[Row], arm: str, seed: int, kept: int) -> float:
    (found,) = (row.accuracy for row in rows if (row.arm, row.seed, row.timesteps) == (arm, seed, kept))
    return found
