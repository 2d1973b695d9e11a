"""What is worth its price: the Pareto front of score against cost, its hypervolume, its knee, and questions to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Option = TypeVar("Option")


@dataclass(frozen=True, kw_only=True)
class Offer(Generic[Option]):
    """Something that can be had.

    Attributes:
        score: Accuracy or mAP; more is better.
        cost: GMACs or milliseconds; less is better.
        of: What it is.
    """

    score: float
    cost: float
    of: Option


def pareto_front(offers: Iterable[Offer[Option]]) -> list[Offer[Option]]:
    """Offers that no other beats in score for the same cost or less, by rising cost (and so by rising score)."""
    front: list[Offer[Option]] = []
    for offer in sorted(offers, key=lambda offer: (offer.cost, -offer.score)):
        if not front or offer.score > front[-1].score:
            front.append(offer)
    return front


def hypervolume(offers: Iterable[Offer[Option]], *, dearest: float) -> float:
    """Area between the best score to be had for at most a cost and a score of 0, for costs from 0 to ``dearest``.

    Its unit is that of the cost. Offers that cost more than ``dearest`` do not count.
    """
    affordable = [offer for offer in pareto_front(offers) if offer.cost <= dearest]
    until = [offer.cost for offer in affordable[1:]] + [dearest]
    return sum(offer.score * (end - offer.cost) for offer, end in zip(affordable, until, strict=False))


def knee(front: Sequence[Offer[Option]]) -> Offer[Option]:
    """The offer farthest above the straight line between the ends of the front, both axes scaled to the front.

    Source: Satopaa et al., Finding a "Kneedle" in a Haystack, 2011.

    Raises:
        ValueError: The front is empty.
    """
    if not front:
        raise ValueError("an empty front has no knee")
    first, last = front[0], front[-1]
    cost_span, score_span = last.cost - first.cost or 1.0, last.score - first.score or 1.0
    return max(front, key=lambda o: (o.score - first.score) / score_span - (o.cost - first.cost) / cost_span)


def best_within(offers: Iterable[Offer[Option]], *, cost: float) -> Offer[Option] | None:
    """The best score for at most a cost; None where nothing is that cheap."""
    within = [offer for offer in pareto_front(offers) if offer.cost <= cost]
    return within[-1] if within else None


def cheapest_reaching(offers: Iterable[Offer[Option]], *, score: float) -> Offer[Option] | None:
    """The least cost for at least a score; None where nothing reaches it."""
    return next((offer for offer in pareto_front(offers) if offer.score >= score), None)


def not_dominated(ours: Iterable[Offer[Option]], theirs: Iterable[Offer[Option]]) -> list[Offer[Option]]:
    """Offers of theirs that are better than all of ours at the same cost or less."""
    ours = list(ours)
    pairs = [(their, best_within(ours, cost=their.cost)) for their in theirs]
    return [their for their, best in pairs if best is None or best.score < their.score]
