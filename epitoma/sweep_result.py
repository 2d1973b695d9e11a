"""What a sweep found: the front of tradeoffs, chosen on validation and measured on test, beside uniform sampling's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from epitoma.errors import RunError
from epitoma.front import Offer, hypervolume, knee, not_dominated, pareto_front
from epitoma.tradeoff import TradeoffPoint
from epitoma.trial import TrialResult, has_result, read_result

CostName = Literal["gmacs", "milliseconds"]
OURS, UNIFORM = ("selector", "gate"), ("uniform",)
TRIALS = "trials"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One tradeoff of one trial, on both splits.

    Attributes:
        trial: Which trial.
        validation: Where it was chosen.
        test: The same on test, where nothing was chosen; None where the dataset has no test split.
    """

    trial: str
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

    def __post_init__(self) -> None:
        if not self.trials:
            raise RunError("no trial of the sweep has a result")

    def front(self, *, cost: CostName = "gmacs") -> Front:
        """The best tradeoffs of selectors over all trials, chosen on validation."""
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
            "uniform_not_dominated": [their.of.row() for their, _ in lost],
        }


def read_sweep(folder: Path) -> SweepResult:
    """What a sweep's trials have come to so far.

    Raises:
        RunError: No trial has a result.
    """
    places = [place for place in sorted((folder / TRIALS).glob("*")) if has_result(place)]
    results = [read_result(place) for place in places]
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
    return [
        Offer(score=point.score, cost=cost_of_point(point, cost), of=choice)
        for trial in trials
        for choice in _choices(trial, lambda point: point.sampling in ways)
        for point in [choice.validation]
    ]


def _choices(trial: TrialResult, wanted: Callable[[TradeoffPoint], bool]) -> list[Choice]:
    """A trial's tradeoffs, each with the same one on test."""
    on_test = {_same(point): point for point in trial.points.get("test", [])}
    return [
        Choice(trial=trial.trial, validation=point, test=on_test.get(_same(point)))
        for point in trial.points["validation"]
        if wanted(point)
    ]


def _same(point: TradeoffPoint) -> tuple[str, str, int, int]:
    """What makes points of two splits the same tradeoff; a gate keeps another number of timesteps on each."""
    budget = 0 if point.sampling == "gate" else point.budget
    return point.sampling, point.classifier, point.candidates, budget
