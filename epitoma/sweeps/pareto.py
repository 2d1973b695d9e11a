"""Pareto front of score against cost, with its hypervolume, its knee, and look-ups by score or cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Option = TypeVar("Option")


@dataclass(frozen=True, kw_only=True)
class Offer(Generic[Option]):
    """An option with its score and its cost.

    Attributes:
        score: Accuracy or mAP; higher is better.
        cost: GMACs or milliseconds; lower is better.
        of: The option.
    """

    score: float
    cost: float
    of: Option


def pareto_front(offers: Iterable[Offer[Option]]) -> list[Offer[Option]]:
    """Offers for which no other has at least the score at no higher cost, by rising cost and so by rising score."""
    front: list[Offer[Option]] = []
    # At equal cost the best score comes first, and the others are then not above the front.
    for offer in sorted(offers, key=lambda offer: (offer.cost, -offer.score)):
        if not front or offer.score > front[-1].score:
            front.append(offer)
    return front


def hypervolume(offers: Iterable[Offer[Option]], *, dearest: float) -> float:
    """Area under the best score for at most a given cost, over costs from 0 to ``dearest``, in the unit of the cost.

    Offers that cost more than ``dearest`` do not count.
    """
    affordable = [offer for offer in pareto_front(offers) if offer.cost <= dearest]
    until = [offer.cost for offer in affordable[1:]] + [dearest]
    return sum(offer.score * (end - offer.cost) for offer, end in zip(affordable, until, strict=False))


def knee(front: Sequence[Offer[Option]]) -> Offer[Option]:
    """Offer farthest above the straight line between the ends of the front, with both axes scaled to the front.

    Source: Satopaa et al., Finding a "Kneedle" in a Haystack, 2011.

    Raises:
        ValueError: The front is empty.
    """
    if not front:
        raise ValueError("an empty front has no knee")
    first, last = front[0], front[-1]
    # `or 1.0`, for a front of one offer, whose spans are 0.
    cost_span, score_span = last.cost - first.cost or 1.0, last.score - first.score or 1.0
    return max(front, key=lambda o: (o.score - first.score) / score_span - (o.cost - first.cost) / cost_span)


def best_within(offers: Iterable[Offer[Option]], *, cost: float) -> Offer[Option] | None:
    """Offer with the best score for at most this cost; None where every offer costs more."""
    within = [offer for offer in pareto_front(offers) if offer.cost <= cost]
    return within[-1] if within else None


def cheapest_reaching(offers: Iterable[Offer[Option]], *, score: float) -> Offer[Option] | None:
    """Offer with the lowest cost for at least this score; None where no offer reaches it."""
    return next((offer for offer in pareto_front(offers) if offer.score >= score), None)


def not_dominated(ours: Iterable[Offer[Option]], theirs: Iterable[Offer[Option]]) -> list[Offer[Option]]:
    """Offers of theirs with a better score than all of ours that cost as much or less."""
    ours = list(ours)
    pairs = [(their, best_within(ours, cost=their.cost)) for their in theirs]
    return [their for their, best in pairs if best is None or best.score < their.score]
