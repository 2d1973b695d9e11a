"""The paper's claims, each held against what was measured: said to hold, or not to have shown."""

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
    return [*found, *_of_conditioning(rows), *_of_footage(rows)]


def _of_heavy(rows: Sequence[StudyRow], setting: str) -> Iterable[Claim]:
    own = [row for row in rows if (row.study, row.setting) == ("table2", setting)]
    yield _ordered(own, setting)
    dense = next(row for row in own if row.sampling == "dense")
    half = _at(own, "selector", dense.timesteps / 2)
    yield Claim(
        text=f"{setting}: end to end, the selector at half of the timesteps is no worse than all of them",
        holds=half.mean >= dense.mean,
        told=f"{half.mean:.3f} at {half.timesteps:.0f}, {dense.mean:.3f} at {dense.timesteps:.0f}",
    )


def _ordered(rows: Sequence[StudyRow], setting: str) -> Claim:
    """Random sampling's worst case is taken as its mean less twice its deviation over seeds."""
    told, holds = [], True
    for selector in rows:
        if selector.sampling != "selector" or selector.timesteps > MOST_TIMESTEPS:
            continue
        uniform, random = (_at(rows, way, selector.timesteps) for way in ("uniform", "random"))
        worst = random.mean - 2 * random.std
        holds = holds and selector.mean > uniform.mean > worst
        told.append(f"{selector.timesteps:.0f}: {selector.mean:.3f}, {uniform.mean:.3f}, {worst:.3f}")
    return Claim(
        text=f"{setting}: selector above uniform above random's worst case at every T' up to {MOST_TIMESTEPS}",
        holds=holds,
        told="; ".join(told),
    )


def _of_conditioning(rows: Sequence[StudyRow]) -> Iterable[Claim]:
    variance = {row.setting: row for row in rows if (row.study, row.sampling) == ("figure6", VARIANCE)}
    if variance:
        context, frame = (variance[f"{name}-conditioned"] for name in ("context", "frame"))
        yield Claim(
            text="context-conditioned gates vary more between classes than frame-conditioned ones",
            holds=context.mean > frame.mean,
            told=f"variance of the ratio {context.mean:.2e} ± {context.std:.0e} and {frame.mean:.2e} ± {frame.std:.0e}",
        )


def _of_footage(rows: Sequence[StudyRow]) -> Iterable[Claim]:
    for dataset in dict.fromkeys(row.dataset for row in rows if row.study == "footage"):
        own = [row for row in rows if (row.study, row.dataset) == ("footage", dataset)]
        few, many = _at(own, "selector", 8), _at(own, "uniform", 32)
        yield Claim(
            text=f"{dataset}: the selector at 8 timesteps is no worse than uniform sampling at 32",
            holds=few.mean >= many.mean,
            told=f"{few.mean:.3f} ± {few.std:.3f} and {many.mean:.3f} ± {many.std:.3f}",
        )


def _settings(rows: Sequence[StudyRow], study: str) -> list[str]:
    return list(dict.fromkeys(row.setting for row in rows if row.study == study))


def _at(rows: Sequence[StudyRow], sampling: str, timesteps: float) -> StudyRow:
    return next(row for row in rows if (row.sampling, row.timesteps) == (sampling, timesteps))
