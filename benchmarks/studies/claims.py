"""The paper's claims, each held against what was measured: it holds by two standard errors, or has not shown."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from epitoma.studies.class_ratios import VARIANCE
from epitoma.studies.rows import StudyRow

MOST_TIMESTEPS = 16


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim and what came of it.

    Attributes:
        text: The claim.
        holds: Whether it showed.
        told: The numbers.
    """

    text: str
    holds: bool
    told: str


def claims(rows: Sequence[StudyRow]) -> list[Claim]:
    """Everything that can be said of these rows."""
    found = [claim for setting in _settings(rows, "table2") for claim in _of_heavy(rows, setting)]
    return [*found, *_of_conditioning(rows)]


def _of_heavy(rows: Sequence[StudyRow], setting: str) -> Iterable[Claim]:
    own = [row for row in rows if (row.study, row.setting) == ("table2", setting)]
    yield _above_uniform(own, setting)
    yield _above_worst_case(own, setting)
    dense = next(row for row in own if row.sampling == "dense")
    half = _at(own, "selector", dense.timesteps / 2)
    yield Claim(
        text=f"{setting}: the selector at half of the timesteps is above all of them",
        holds=_is_above(half, dense),
        told=f"{half.mean:.3f} ± {half.std:.3f} at {half.timesteps:.0f}, {dense.mean:.3f} ± {dense.std:.3f} at "
        f"{dense.timesteps:.0f}",
    )


def _above_uniform(rows: Sequence[StudyRow], setting: str) -> Claim:
    pairs = [(row, _at(rows, "uniform", row.timesteps)) for row in _selected(rows)]
    return Claim(
        text=f"{setting}: selector above uniform at every T' up to {MOST_TIMESTEPS}",
        holds=all(_is_above(selector, uniform) for selector, uniform in pairs),
        told="; ".join(f"{one.timesteps:.0f}: {one.mean:.3f}, {other.mean:.3f}" for one, other in pairs),
    )


def _above_worst_case(rows: Sequence[StudyRow], setting: str) -> Claim:
    """Random sampling's worst case is taken as its mean less twice its deviation over seeds."""
    pairs = [(_at(rows, "uniform", row.timesteps), _worst(rows, row.timesteps)) for row in _selected(rows)]
    return Claim(
        text=f"{setting}: uniform above random's worst case at every T' up to {MOST_TIMESTEPS}",
        holds=all(uniform.mean > worst for uniform, worst in pairs),
        told="; ".join(
            f"{uniform.timesteps:.0f}: {uniform.mean:.3f}, {worst:.3f}" for uniform, worst in pairs
        ),
    )


def _selected(rows: Sequence[StudyRow]) -> list[StudyRow]:
    return [row for row in rows if row.sampling == "selector" and row.timesteps <= MOST_TIMESTEPS]


def _worst(rows: Sequence[StudyRow], timesteps: float) -> float:
    random = _at(rows, "random", timesteps)
    return random.mean - 2 * random.std


def _of_conditioning(rows: Sequence[StudyRow]) -> Iterable[Claim]:
    variance = {row.setting: row for row in rows if (row.study, row.sampling) == ("figure6", VARIANCE)}
    if variance:
        context, frame = (variance[f"{name}-conditioned"] for name in ("context", "frame"))
        yield Claim(
            text="context-conditioned gates vary more between classes than frame-conditioned ones",
            holds=_is_above(context, frame),
            told=f"variance of the ratio {context.mean:.2e} ± {context.std:.0e} and {frame.mean:.2e} ± {frame.std:.0e}",
        )


def _is_above(one: StudyRow, other: StudyRow) -> bool:
    """Whether one is above the other by two standard errors of their difference, over seeds; one seed has none."""
    if min(one.seeds, other.seeds) < 2:
        return False
    error = math.sqrt(one.std**2 / one.seeds + other.std**2 / other.seeds)
    return one.mean - other.mean > 2 * error


def _settings(rows: Sequence[StudyRow], study: str) -> list[str]:
    return list(dict.fromkeys(row.setting for row in rows if row.study == study))


def _at(rows: Sequence[StudyRow], sampling: str, timesteps: float) -> StudyRow:
    return next(row for row in rows if (row.sampling, row.timesteps) == (sampling, timesteps))
