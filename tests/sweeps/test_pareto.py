"""The front against definitions written out: domination pair by pair, area by small steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.sweeps.pareto import (
    Offer,
    best_within,
    cheapest_reaching,
    hypervolume,
    knee,
    not_dominated,
    pareto_front,
)

offers = st.lists(
    st.builds(
        lambda cost, score: Offer(cost=cost, score=score, of=(cost, score)),
        st.integers(1, 20).map(float),
        st.integers(0, 20).map(lambda score: score / 20),
    ),
    min_size=1,
    max_size=12,
)


def offer(cost: float, score: float) -> Offer[str]:
    return Offer(cost=cost, score=score, of=f"{cost}: {score}")


def beats(one: Offer, other: Offer) -> bool:
    return (one.cost <= other.cost and one.score > other.score) or (
        one.cost < other.cost and one.score >= other.score
    )


@given(offers)
def test_the_front_is_what_nothing_beats(offers):
    front = pareto_front(offers)
    unbeaten = {o.of for o in offers if not any(beats(other, o) for other in offers)}
    assert {o.of for o in front} == unbeaten
    assert len(front) == len(unbeaten), "two alike are one"
    assert front == sorted(front, key=lambda o: o.cost)


@given(offers, st.integers(1, 25))
def test_hypervolume_is_the_area_below_the_best_that_can_be_had(offers, dearest):
    by_steps = sum(max((o.score for o in offers if o.cost <= start), default=0.0) for start in range(dearest))
    assert hypervolume(offers, dearest=dearest) == pytest.approx(by_steps)


@given(offers, st.integers(0, 22), st.floats(0, 1))
def test_questions_are_answered_from_all_that_was_offered(offers, cost, score):
    best, cheapest = best_within(offers, cost=cost), cheapest_reaching(offers, score=score)
    affordable = [o.score for o in offers if o.cost <= cost]
    good = [o.cost for o in offers if o.score >= score]
    assert (best.score if best else None) == max(affordable, default=None)
    assert (cheapest.cost if cheapest else None) == min(good, default=None)


def test_the_knee_is_where_more_cost_stops_paying():
    front = [offer(1, 0.1), offer(2, 0.8), offer(4, 0.85), offer(10, 0.9)]
    assert knee(front) == front[1]
    assert knee(front[:1]) == front[0]
    with pytest.raises(ValueError, match="empty"):
        knee([])


def test_who_is_not_dominated_is_named_with_the_best_that_stands_against_it():
    ours, theirs = [offer(2, 0.5), offer(4, 0.9)], [offer(1, 0.1), offer(2, 0.5), offer(5, 0.95)]
    assert not_dominated(ours, theirs) == [theirs[0], theirs[2]]
