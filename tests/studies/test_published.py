"""Published scores are shown beside the same setting, and beside no other."""

import pytest

from epitoma.studies.published import published_score


@pytest.mark.parametrize(
    ("heavy", "sampling", "timesteps", "candidates", "score"),
    [
        ("i3d", "selector", 8, 16, 0.7811),
        ("resnet50_v1", "selector", 8, 16, 0.6802),
        ("i3d", "uniform", 16, None, 0.7691),
        ("i3d", "uniform", 16, 32, 0.7691),
        ("i3d", "uniform", 128, 128, 0.8490),
    ],
)
def test_a_setting_of_the_papers_has_its_score(heavy, sampling, timesteps, candidates, score):
    assert published_score("breakfast", heavy, sampling, timesteps, candidates=candidates) == score


@pytest.mark.parametrize(
    ("dataset", "heavy", "sampling", "timesteps", "candidates"),
    [
        ("breakfast", "i3d", "selector", 8, 32),
        ("breakfast", "i3d", "selector", 8, 128),
        ("breakfast", "i3d", "selector", 16, 32),
        ("breakfast", "i3d", "selector", 16, None),
        ("breakfast", "i3d", "random", 16, 16),
        ("breakfast", "tf_efficientnet_lite0", "uniform", 16, 16),
        ("charades", "i3d", "uniform", 16, 16),
    ],
)
def test_another_setting_has_none(dataset, heavy, sampling, timesteps, candidates):
    assert published_score(dataset, heavy, sampling, timesteps, candidates=candidates) is None
