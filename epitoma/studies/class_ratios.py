"""Figures 5 and 6: how much of a video the gates keep, class by class, and whether selectors agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, pvariance, stdev

from epitoma.core.errors import RunError
from epitoma.evaluation.choices import Choices, agreement
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows

VARIANCE = "variance_of_ratio"
"""In place of a sampling: the row tells the variance of the ratio over classes."""


@dataclass(frozen=True, kw_only=True)
class ClassRatio:
    """The paper's ratio of selected timesteps of a class.

    Attributes:
        setting: Whose selector.
        label: The class.
        mean: Mean share of timesteps that the gates leave open, over seeds.
        std: Its standard deviation (of a sample).
        seeds: How many.
    """

    setting: str
    label: str
    mean: float
    std: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class RatioStudy:
    """What figures 5 and 6 show.

    Attributes:
        rows: Score of each setting, and the variance of its ratio over classes.
        ratios: By class.
        variances: Variance of the ratio over classes by setting, the mean over seeds.
        agreements: By two settings, share of timesteps that both keep at one budget, the mean over seeds.
        budget: That budget.
    """

    rows: Sequence[StudyRow]
    ratios: Sequence[ClassRatio]
    variances: dict[str, float]
    agreements: dict[tuple[str, str], float]
    budget: int


def figure5(runs: Sequence[MeasuredRun]) -> RatioStudy:
    """Stand-alone selectors against those trained end to end with each HeavyNet.

    Raises:
        RunError: A run has no selector, or runs chose in different videos.
    """
    return _study(
        "figure5", runs, lambda run: f"{run.role}, {run.heavy}" if run.role != "stand-alone" else run.role
    )


def figure6(runs: Sequence[MeasuredRun]) -> RatioStudy:
    """Gates that look at one frame against gates that look at the whole video.

    Raises:
        RunError: As for :func:`figure5`.
    """
    names = {True: "context-conditioned", False: "frame-conditioned"}
    return _study("figure6", runs, lambda run: names[run.is_context_conditioned])


def _study(study: str, runs: Sequence[MeasuredRun], setting: Callable[[MeasuredRun], str]) -> RatioStudy:
    groups = grouped(runs, setting)
    budget = max(1, round(mean(float(_choices(run).open_VT.sum(dim=1).double().mean()) for run in runs)))
    rows = [
        row
        for name, each in groups.items()
        for row in study_rows(study, name, each, samplings=("selector", "gate"))
    ]
    return RatioStudy(
        rows=[*rows, *(_variance_row(study, name, each) for name, each in groups.items())],
        ratios=[ratio for name, each in groups.items() for ratio in _ratios(name, each)],
        variances={name: mean(_variance(run) for run in each) for name, each in groups.items()},
        agreements={
            (one, other): _agreement(groups[one], groups[other], budget) for one in groups for other in groups
        },
        budget=budget,
    )


def _choices(run: MeasuredRun) -> Choices:
    if run.choices is None:
        raise RunError(f"{run.name} has no choices of a selector: evaluate a run that has one")
    return run.choices


def _ratios(setting: str, runs: Sequence[MeasuredRun]) -> list[ClassRatio]:
    found = [_choices(run).ratio_by_class() for run in runs]
    return [
        ClassRatio(
            setting=setting,
            label=label,
            mean=mean(each[label] for each in found),
            std=stdev(each[label] for each in found) if len(found) > 1 else 0.0,
            seeds=len(found),
        )
        for label in found[0]
    ]


def _variance_row(study: str, setting: str, runs: Sequence[MeasuredRun]) -> StudyRow:
    found = [_variance(run) for run in runs]
    return StudyRow(
        study=study,
        dataset=runs[0].dataset,
        setting=setting,
        sampling=VARIANCE,
        timesteps=mean(float(_choices(run).open_VT.sum(dim=1).double().mean()) for run in runs),
        mean=mean(found),
        std=stdev(found) if len(found) > 1 else 0.0,
        seeds=len(found),
        gmacs=None,
    )


def _variance(run: MeasuredRun) -> float:
    return pvariance(_choices(run).ratio_by_class().values())


def _agreement(one: Sequence[MeasuredRun], other: Sequence[MeasuredRun], budget: int) -> float:
    """Between all pairs of different runs; a setting with itself compares its seeds."""
    pairs = [(a, b) for a in one for b in other if a is not b] or [(one[0], other[0])]
    return mean(agreement(_choices(a), _choices(b), budget=budget) for a, b in pairs)
