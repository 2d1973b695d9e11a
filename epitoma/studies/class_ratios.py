"""Figures 5 and 6: ratio of selected timesteps by class, and agreement between selectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, pvariance, stdev

from epitoma.core.errors import RunError
from epitoma.evaluation.choices import Choices, agreement
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows

VARIANCE = "variance_of_ratio"
"""Value of ``sampling`` in rows whose mean is the variance of the ratio over classes."""


@dataclass(frozen=True, kw_only=True)
class ClassRatio:
    """The paper's ratio of selected timesteps for one class.

    Attributes:
        setting: Setting of the selector.
        label: Class.
        mean: Mean share of open timesteps over seeds.
        std: Sample standard deviation of the share.
        seeds: Number of seeds.
    """

    setting: str
    label: str
    mean: float
    std: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class RatioStudy:
    """Content of figure 5 or 6.

    Attributes:
        rows: Score of each setting, and the variance of its ratio over classes.
        ratios: Ratio of each setting and class.
        variances: Variance of the ratio over classes by setting, the mean over seeds.
        agreements: Share of timesteps that two settings both keep at one budget, the mean over pairs of runs.
        budget: Budget of the agreements.
    """

    rows: Sequence[StudyRow]
    ratios: Sequence[ClassRatio]
    variances: dict[str, float]
    agreements: dict[tuple[str, str], float]
    budget: int


def figure5(runs: Sequence[MeasuredRun]) -> RatioStudy:
    """Compare stand-alone selectors with those trained end to end with each HeavyNet.

    Raises:
        RunError: A run has no selector, or the runs were evaluated on different videos.
    """
    return _study(
        "figure5", runs, lambda run: f"{run.role}, {run.heavy}" if run.role != "stand-alone" else run.role
    )


def figure6(runs: Sequence[MeasuredRun]) -> RatioStudy:
    """Compare frame-conditioned with context-conditioned gates.

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
    """Mean agreement over all pairs of different runs; within one setting these are its seeds."""
    pairs = [(a, b) for a in one for b in other if a is not b] or [(one[0], other[0])]
    return mean(agreement(_choices(a), _choices(b), budget=budget) for a, b in pairs)
