import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.sweeps.shrinkage import shrink_to_mean

scores = st.lists(st.integers(0, 80).map(lambda hits: hits / 80), min_size=3, max_size=70)


@given(scores, st.integers(1, 1000))
def test_order_and_mean_stay_and_nothing_moves_away_from_the_mean(scores, videos):
    expected = shrink_to_mean(scores, videos=videos)
    middle = np.mean(scores)
    assert np.mean(expected) == pytest.approx(middle)
    assert all(abs(e - middle) <= abs(s - middle) + 1e-9 for e, s in zip(expected, scores, strict=True))
    order = np.argsort(scores, kind="stable")
    assert all(np.diff(np.array(expected)[order]) >= -1e-12)


def test_two_are_left_as_they_are():
    assert shrink_to_mean([0.1, 0.9], videos=10) == [0.1, 0.9]


def test_the_lucky_best_is_expected_to_do_what_it_then_does():
    """Of 64 models on 80 videos, many times over, the best is expected to do what it does, and not what it scored."""
    rng = np.random.default_rng(0)
    told, expected, true = [], [], []
    for _ in range(200):
        ability = rng.normal(0.9, 0.02, size=64).clip(0, 1)
        scores = (rng.binomial(80, ability) / 80).tolist()
        best = int(np.argmax(scores))
        told.append(scores[best])
        expected.append(shrink_to_mean(scores, videos=80)[best])
        true.append(ability[best])
    assert np.mean(expected) == pytest.approx(np.mean(true), abs=0.006)
    assert np.mean(told) > np.mean(true) + 0.04


def test_true_differences_stay():
    scores = [0.2, 0.5, 0.8]
    assert shrink_to_mean(scores, videos=10_000) == pytest.approx(scores, abs=0.001)
