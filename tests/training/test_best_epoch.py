"""Which epoch is kept."""

import pytest

from epitoma.training.best_epoch import BestEpoch, better


def kept(scored: list[tuple[float, float]], *, prefers_sparse: bool, videos: int = 100) -> BestEpoch:
    best = None
    for epoch, (score, timesteps) in enumerate(scored):
        best = better(
            best,
            epoch=epoch,
            score=score,
            timesteps=timesteps,
            videos=videos,
            prefers_sparse=prefers_sparse,
        )
    assert best is not None
    return best


@pytest.mark.parametrize(
    ("scored", "epoch"),
    [
        ([(0.9, 20), (0.88, 8), (0.87, 4)], 2),  # As good, within a standard error of 0.03, and sparser.
        ([(0.9, 20), (0.88, 8), (0.8, 2)], 1),  # The last is sparser, but no longer as good.
        ([(0.8, 4), (0.9, 20)], 1),  # What is kept is no longer as good as the best.
        ([(0.88, 8), (0.9, 20), (0.89, 9)], 0),  # As good as the best, and still the sparsest.
        ([(0.6, 2), (0.7, 5), (0.69, 5)], 1),
        ([(0.5, 4), (0.5, 4)], 1),
    ],
)
def test_where_the_loss_sets_how_many_are_kept_the_sparsest_of_the_good_ones_is(scored, epoch):
    assert kept(scored, prefers_sparse=True).epoch == epoch


def test_elsewhere_the_highest_score_is_and_the_later_of_two():
    assert kept([(0.9, 20), (0.95, 30), (0.94, 1), (0.95, 31)], prefers_sparse=False).epoch == 3


def test_how_good_the_best_was_is_not_forgotten():
    best = kept([(0.8, 4), (0.85, 20), (0.7, 1)], prefers_sparse=True, videos=1000)
    assert (best.epoch, best.top_score) == (1, 0.85)
