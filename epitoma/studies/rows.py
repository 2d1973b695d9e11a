"""Rows of studies: a way to choose timesteps in a setting, over seeds."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TypeVar

from epitoma.core.errors import RunError
from epitoma.evaluation.tradeoff import SamplingName, TradeoffPoint
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.published import published_score

GroupKey = TypeVar("GroupKey", bound=Hashable)
Key = tuple[SamplingName, int]
"""A way to choose timesteps, and how many were asked for; the gate, which is asked for none, has 0."""


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """A way to choose timesteps in a setting.

    Attributes:
        study: Which study.
        dataset: Of which dataset.
        setting: What the study varies: a HeavyNet, a gate, a time scale.
        sampling: How timesteps were chosen.
        timesteps: How many were asked for; for the gate the mean it kept.
        mean: Mean score on test over seeds.
        std: Its standard deviation (of a sample); 0 where there is one seed.
        seeds: How many.
        gmacs: Mean computation of a video; None where it was not counted.
        published: What the paper has for the same; None where it has nothing.
    """

    study: str
    dataset: str
    setting: str
    sampling: str
    timesteps: float
    mean: float
    std: float
    seeds: int
    gmacs: float | None
    published: float | None = None


def grouped(
    runs: Iterable[MeasuredRun], key: Callable[[MeasuredRun], GroupKey]
) -> dict[GroupKey, list[MeasuredRun]]:
    """Runs by what a function says of them, in the order in which they come."""
    groups: dict[GroupKey, list[MeasuredRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


def study_rows(
    study: str, setting: str, runs: Sequence[MeasuredRun], *, samplings: Sequence[SamplingName]
) -> list[StudyRow]:
    """Every way to choose timesteps over the seeds of some runs of one dataset.

    Several runs of one seed are one model's: a selector, and classifiers trained without one. Where more than one
    classifier serves a way, validation chooses.

    Raises:
        RunError: The runs are of several datasets.
    """
    datasets = sorted({run.dataset for run in runs})
    if len(datasets) != 1:
        raise RunError(
            f"runs of {', '.join(datasets)} cannot be one setting: give a study one dataset at a time"
        )
    seeds = [best_points(same_seed) for same_seed in grouped(runs, lambda run: run.seed).values()]
    ways = [way for way in seeds[0] if way[0] in samplings and all(way in each for each in seeds)]
    return [_row(study, datasets[0], setting, runs[0].heavy, [each[way] for each in seeds]) for way in ways]


def best_points(runs: Sequence[MeasuredRun]) -> Mapping[Key, TradeoffPoint]:
    """Each way's point on test, by the classifier that serves it best on validation."""
    best: dict[Key, tuple[float, TradeoffPoint]] = {}
    for run in runs:
        validated = {(_key(p), p.classifier): p.score for p in run.points.get("validation", ())}
        for point in run.points["test"]:
            # Where validation was not measured, or not at this budget, the first classifier that is given serves.
            score = validated.get((_key(point), point.classifier), -1.0)
            if _key(point) not in best or score > best[_key(point)][0]:
                best[_key(point)] = (score, point)
    return {key: point for key, (_, point) in best.items()}


def _key(point: TradeoffPoint) -> Key:
    return point.sampling, 0 if point.sampling == "gate" else point.budget


def _row(study: str, dataset: str, setting: str, heavy: str, points: Sequence[TradeoffPoint]) -> StudyRow:
    scores = [point.score for point in points]
    timesteps = mean(p.timesteps if p.sampling == "gate" else p.budget for p in points)
    return StudyRow(
        study=study,
        dataset=dataset,
        setting=setting,
        sampling=points[0].sampling,
        timesteps=timesteps,
        mean=mean(scores),
        std=stdev(scores) if len(scores) > 1 else 0.0,
        seeds=len(scores),
        gmacs=mean(point.gmacs for point in points),
        published=published_score(dataset, heavy, points[0].sampling, timesteps),
    )
