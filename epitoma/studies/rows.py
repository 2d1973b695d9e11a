"""StudyRow: score of one sampling in one setting of a study, over seeds."""

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
"""Sampling and budget; the gate, which has no budget, has 0."""


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """Score of one sampling at one budget in one setting.

    Attributes:
        study: Name of the study.
        dataset: Name of the dataset.
        setting: What the study varies: a HeavyNet, a gate, a time scale.
        sampling: How timesteps were chosen.
        timesteps: Timesteps asked for; for the gate the mean number kept.
        mean: Mean score on test over seeds.
        std: Sample standard deviation of the score; 0 for a single seed.
        seeds: Number of seeds.
        gmacs: Mean GMACs a video; None where they were not counted.
        published: Published score for the same setting; None where the paper has none.
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
    """Group runs by a key function; groups and runs keep their order."""
    groups: dict[GroupKey, list[MeasuredRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


def study_rows(
    study: str, setting: str, runs: Sequence[MeasuredRun], *, samplings: Sequence[SamplingName]
) -> list[StudyRow]:
    """Rows of every sampling and budget over the seeds of runs of one dataset.

    Several runs of one seed belong together: one with a selector, and classifiers trained without one. If several
    classifiers were measured with a sampling, the best on validation is used.

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
    """Point on test of each sampling and budget, with the classifier that is best on validation."""
    best: dict[Key, tuple[float, TradeoffPoint]] = {}
    for run in runs:
        validated = {(_key(p), p.classifier): p.score for p in run.points.get("validation", ())}
        for point in run.points["test"]:
            # Without a validation score at this budget, the classifier of the first given run is used.
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
        published=published_score(
            dataset, heavy, points[0].sampling, timesteps, candidates=points[0].candidates
        ),
    )
