"""SweepResult: the Pareto front of a sweep, chosen on validation and measured on test, and that of uniform sampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, Literal

from epitoma.core.errors import TRY_AGAIN, RunError, TrialsError
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.files.presence import entries_of, is_folder
from epitoma.sweeps.pareto import Offer, hypervolume, knee, not_dominated, pareto_front
from epitoma.sweeps.shrinkage import shrink_to_mean
from epitoma.sweeps.trial import ERROR_FILE, TrialResult, has_result, read_error, read_result

CostName = Literal["gmacs", "milliseconds"]
OURS, UNIFORM = ("selector", "gate", "uniform"), ("uniform",)
"""Samplings on the front of models with a selector; uniform is one, since at low cost it saves running LightNet."""
TRIALS = "trials"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One tradeoff of one trial, on both splits.

    Attributes:
        trial: Name of the trial.
        expected: Expected score on new videos, by which it was chosen (see ``shrinkage.py``).
        validation: The point on validation, from which the expected score was computed.
        test: The same tradeoff on test, which no choice has used; None where the dataset has no test split.
    """

    trial: str
    expected: float
    validation: TradeoffPoint
    test: TradeoffPoint | None

    @property
    def measured(self) -> TradeoffPoint:
        """Point on test, or on validation where there is no test split."""
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
    """Results of a sweep's trials, and of reference classifiers that were trained without a selector.

    Attributes:
        trials: Trials with a selector.
        references: Trials without a selector.
    """

    trials: Sequence[TrialResult]
    references: Sequence[TrialResult]

    def front(self, *, cost: CostName = "gmacs") -> Front:
        """Pareto front of models with a selector over all trials, chosen on validation."""
        return pareto_front(_offers(self.trials, OURS, cost))

    def uniform_front(self, *, cost: CostName = "gmacs") -> Front:
        """Pareto front of uniform sampling with the classifier of any trial or reference, chosen on validation.

        Uniform sampling thus has at least as many attempts as the selectors.
        """
        return pareto_front(_offers([*self.trials, *self.references], UNIFORM, cost))

    @property
    def best(self) -> Choice:
        """Choice at the knee of the front."""
        return knee(self.front()).of

    def hypervolume_ratio(self, *, cost: CostName = "gmacs") -> float | None:
        """Hypervolume of the selectors' front over that of uniform sampling, both as measured.

        Costs count up to that of the most expensive uniform offer. None where uniform sampling scores 0.
        """
        ours, uniform = measured(self.front(cost=cost), cost), measured(self.uniform_front(cost=cost), cost)
        dearest = max(offer.cost for offer in uniform)
        theirs = hypervolume(uniform, dearest=dearest)
        return hypervolume(ours, dearest=dearest) / theirs if theirs else None

    def summary(self) -> dict[str, Any]:
        """The result as plain values for JSON."""
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
    """Read the results of a sweep's trials, as far as there are any.

    Raises:
        RunError: No trial has a result; with the reason of one, if they failed.
        TrialsError: All failed of what the sweep may be run again after.
    """
    places = [place for place in entries_of(folder / TRIALS) if has_result(place)]
    results = [read_result(place) for place in places]
    if not any(result.has_selector for result in results):
        raise _why_nothing(folder)
    return SweepResult(
        trials=[result for result in results if result.has_selector],
        references=[result for result in results if not result.has_selector],
    )


def _why_nothing(folder: Path) -> RunError:
    """Why there is no result: no sweep, none yet, or that all trials failed, and how."""
    if not is_folder(folder / TRIALS):
        return RunError(f"no sweep at {folder}")
    errors = {place.name: error for place in entries_of(folder / TRIALS) if (error := read_error(place))}
    if not errors:
        return RunError(f"no trial of the sweep {folder} has a result yet")
    lasting = {name: error for name, error in errors.items() if error.exit_code != TRY_AGAIN}
    name, error = next(iter((lasting or errors).items()))
    said = (
        f"the sweep {folder} has no result: {len(errors)} trials failed, {name} with {error.reason} (each has its own "
        f"in {ERROR_FILE} of its folder)"
    )
    return RunError(said) if lasting else TrialsError(f"{said}: see to it, and go on with it by --resume")


def measured(front: Front, cost: CostName) -> Front:
    """Offers of a front with their measured scores and costs in place of those they were chosen by."""
    return [
        Offer(score=offer.of.measured.score, cost=cost_of_point(offer.of.measured, cost), of=offer.of)
        for offer in front
    ]


def cost_of_point(point: TradeoffPoint, cost: CostName) -> float:
    """Cost of a point, in GMACs or milliseconds.

    Raises:
        RunError: Milliseconds were not measured.
    """
    value = point.gmacs if cost == "gmacs" else point.milliseconds
    if value is None:
        raise RunError(f"this sweep did not measure {cost}")
    return value


def _offers(trials: Sequence[TrialResult], ways: tuple[str, ...], cost: CostName) -> Front:
    """Every tradeoff of the given samplings, with its expected score."""
    by_way: dict[tuple[str, int, int], list[tuple[TrialResult, TradeoffPoint]]] = {}
    for trial in trials:
        for point in trial.points["validation"]:
            if point.sampling in ways:
                by_way.setdefault(_way(point), []).append((trial, point))
    return [offer for alike in by_way.values() for offer in _offers_of_one_way(alike, cost)]


def _offers_of_one_way(alike: Sequence[tuple[TrialResult, TradeoffPoint]], cost: CostName) -> Front:
    # The fewest videos: the estimate of chance is then rather too large than too small.
    videos = min(trial.videos for trial, _ in alike)
    expected = shrink_to_mean([point.score for _, point in alike], videos=videos)
    return [
        Offer(
            score=score,
            cost=cost_of_point(point, cost),
            of=Choice(trial=trial.trial, expected=score, validation=point, test=_on_test(trial, point)),
        )
        for score, (trial, point) in zip(expected, alike, strict=True)
    ]


def _way(point: TradeoffPoint) -> tuple[str, int, int]:
    """Key of points that compete with each other; gates compete if they keep equally many, to a power of two."""
    kept = 2 ** round(log2(max(point.timesteps, 1))) if point.sampling == "gate" else point.budget
    return point.sampling, point.candidates, kept


def _on_test(trial: TrialResult, point: TradeoffPoint) -> TradeoffPoint | None:
    return next((other for other in trial.points.get("test", []) if _same(other) == _same(point)), None)


def _same(point: TradeoffPoint) -> tuple[str, str, int, int]:
    """Key that is equal for one tradeoff on two splits; that of a gate leaves out the kept number, which differs."""
    budget = 0 if point.sampling == "gate" else point.budget
    return point.sampling, point.classifier, point.candidates, budget
