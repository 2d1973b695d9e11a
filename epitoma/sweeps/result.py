"""What a sweep found: the front of tradeoffs, chosen on validation and measured on test, beside uniform sampling's."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, Literal

from epitoma.core.errors import RunError
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.sweeps.pareto import Offer, hypervolume, knee, not_dominated, pareto_front
from epitoma.sweeps.shrinkage import shrunk
from epitoma.sweeps.trial import TrialResult, has_result, read_result

CostName = Literal["gmacs", "milliseconds"]
OURS, UNIFORM = ("selector", "gate", "uniform"), ("uniform",)
"""What a model with a selector offers: where little may be spent, its classifier on a few uniform timesteps too."""
TRIALS = "trials"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One tradeoff of one trial, on both splits.

    Attributes:
        trial: Which trial.
        expected: Score to be expected on new videos, by which it was chosen (see ``shrinkage.py``).
        validation: The score on validation, which it was made from.
        test: The same on test, where nothing was chosen; None where the dataset has no test split.
    """

    trial: str
    expected: float
    validation: TradeoffPoint
    test: TradeoffPoint | None

    @property
    def measured(self) -> TradeoffPoint:
        """On test, or on validation where there is no test."""
        return self.test or self.validation

    def row(self) -> dict[str, Any]:
        """Plain values for tables and JSON."""
        point = self.measured
        return {
            "trial": self.trial,
            "sampling": point.sampling,
            "classifier": point.classifier,
            "candidates": point.candidates,
            "budget": point.budget,
            "timesteps": point.timesteps,
            "gmacs": point.gmacs,
            "milliseconds": point.milliseconds,
            "expected_score": self.expected,
            "validation_score": self.validation.score,
            "test_score": None if self.test is None else self.test.score,
        }


Front = list[Offer[Choice]]


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """A sweep's trials together, and classifiers that were trained for uniform sampling.

    Attributes:
        trials: Trials with a result.
        references: Trials without a selector.
    """

    trials: Sequence[TrialResult]
    references: Sequence[TrialResult]

    def front(self, *, cost: CostName = "gmacs") -> Front:
        """The best tradeoffs of models with a selector over all trials, chosen by validation."""
        return pareto_front(_offers(self.trials, OURS, cost))

    def uniform_front(self, *, cost: CostName = "gmacs") -> Front:
        """The best of uniform sampling, with the classifier of any trial or reference, chosen on validation.

        It so has had as many tries as selectors had.
        """
        return pareto_front(_offers([*self.trials, *self.references], UNIFORM, cost))

    @property
    def best(self) -> Choice:
        """The knee of the front."""
        return knee(self.front()).of

    def hypervolume_ratio(self, *, cost: CostName = "gmacs") -> float | None:
        """Hypervolume of our front over that of uniform sampling, as measured, up to the dearest uniform offer.

        None where uniform sampling is never right.
        """
        ours, uniform = measured(self.front(cost=cost), cost), measured(self.uniform_front(cost=cost), cost)
        dearest = max(offer.cost for offer in uniform)
        theirs = hypervolume(uniform, dearest=dearest)
        return hypervolume(ours, dearest=dearest) / theirs if theirs else None

    def summary(self) -> dict[str, Any]:
        """Everything as plain values."""
        ours, uniform = self.front(), self.uniform_front()
        lost = not_dominated(measured(ours, "gmacs"), measured(uniform, "gmacs"))
        return {
            "trials": len(self.trials),
            "hypervolume_ratio": self.hypervolume_ratio(),
            "hypervolume_ratio_milliseconds": self.hypervolume_ratio(cost="milliseconds"),
            "knee": self.best.row(),
            "front": [offer.of.row() for offer in ours],
            "front_milliseconds": [offer.of.row() for offer in self.front(cost="milliseconds")],
            "uniform": [offer.of.row() for offer in uniform],
            "uniform_not_dominated": [their.of.row() for their in lost],
        }


def read_sweep(folder: Path) -> SweepResult:
    """What a sweep's trials have come to so far.

    Raises:
        RunError: No trial has a result.
    """
    places = [place for place in sorted((folder / TRIALS).glob("*")) if has_result(place)]
    results = [read_result(place) for place in places]
    if not any(result.has_selector for result in results):
        raise RunError(f"no sweep at {folder}, or no trial of it has a result yet")
    return SweepResult(
        trials=[result for result in results if result.has_selector],
        references=[result for result in results if not result.has_selector],
    )


def measured(front: Front, cost: CostName) -> Front:
    """The offers of a front with the scores and costs they were measured at, not chosen by."""
    return [
        Offer(score=offer.of.measured.score, cost=cost_of_point(offer.of.measured, cost), of=offer.of)
        for offer in front
    ]


def cost_of_point(point: TradeoffPoint, cost: CostName) -> float:
    """GMACs, or milliseconds where they were measured."""
    value = point.gmacs if cost == "gmacs" else point.milliseconds
    if value is None:
        raise RunError(f"this sweep did not measure {cost}")
    return value


def _offers(trials: Sequence[TrialResult], ways: tuple[str, ...], cost: CostName) -> Front:
    """Every tradeoff of some ways, at the score to be expected of it."""
    by_way: dict[tuple[str, int, int], list[tuple[TrialResult, TradeoffPoint]]] = {}
    for trial in trials:
        for point in trial.points["validation"]:
            if point.sampling in ways:
                by_way.setdefault(_way(point), []).append((trial, point))
    return [offer for alike in by_way.values() for offer in _offers_of_one_way(alike, cost)]


def _offers_of_one_way(alike: Sequence[tuple[TrialResult, TradeoffPoint]], cost: CostName) -> Front:
    videos = min(trial.videos for trial, _ in alike)
    expected = shrunk([point.score for _, point in alike], videos=videos)
    return [
        Offer(
            score=score,
            cost=cost_of_point(point, cost),
            of=Choice(trial=trial.trial, expected=score, validation=point, test=_on_test(trial, point)),
        )
        for score, (trial, point) in zip(expected, alike, strict=True)
    ]


def _way(point: TradeoffPoint) -> tuple[str, int, int]:
    """Which models' points may be compared; gates are alike if they keep about as many, to a power of two."""
    kept = 2 ** round(log2(max(point.timesteps, 1))) if point.sampling == "gate" else point.budget
    return point.sampling, point.candidates, kept


def _on_test(trial: TrialResult, point: TradeoffPoint) -> TradeoffPoint | None:
    return next((other for other in trial.points.get("test", []) if _same(other) == _same(point)), None)


def _same(point: TradeoffPoint) -> tuple[str, str, int, int]:
    """What makes points of two splits the same tradeoff; a gate keeps another number of timesteps on each."""
    budget = 0 if point.sampling == "gate" else point.budget
    return point.sampling, point.classifier, point.candidates, budget
