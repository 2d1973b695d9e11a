"""Footage by folds: no source is trained on and tested, each tests once in a partition, and partitions differ."""

from itertools import combinations

import pytest
from torch import Tensor

from benchmarks.selectors.datasets import Sizes
from benchmarks.selectors.folds import (
    BREAKFAST_TEST,
    FILLER,
    FOLDS,
    PARTITIONS,
    SCRIPT_FILLER,
    breakfast,
    jhmdb_folds,
)
from benchmarks.selectors.videos import Splits, Videos

pytestmark = pytest.mark.usefixtures("ray_cluster")

SIZES = Sizes(train=24, validation=12, test=12)


def shown_by(videos: Videos) -> set[bytes]:
    """Features of every timestep: those of another clip, or of another way to show it, are others."""
    return {row.numpy().tobytes() for row in flat(videos.split.heavy_VTC)}


def flat(features_VTC: Tensor) -> Tensor:
    return features_VTC.flatten(0, 1)


def check_apart(splits: Splits) -> None:
    seen = [shown_by(videos) for videos in (splits.training, splits.validation, splits.test)]
    assert all(one and other and not one & other for one, other in combinations(seen, 2))


def test_a_seed_is_a_fold_of_a_partition_whose_sources_nothing_else_shows(clips, work, networks_config):
    dataset = jhmdb_folds(clips, networks_config, work, SIZES)
    assert dataset.seeds == tuple(range(PARTITIONS * FOLDS))
    tested = []
    for fold in range(FOLDS):
        splits = dataset.make(fold)
        check_apart(splits)
        assert [len(v.split.video_ids) for v in (splits.training, splits.validation, splits.test)] == [
            24,
            12,
            12,
        ]
        # A tenth of the time, and never none of it.
        assert splits.test.evidence_VT.sum(dim=1).min() > 0
        assert 0.05 < float(splits.test.evidence_VT.float().mean()) < 0.2
        tested.append(shown_by(splits.test))
    assert all(not one & other for one, other in combinations(tested, 2))


def test_another_partition_deals_the_sources_anew_and_the_same_seed_the_same(clips, work, networks_config):
    dataset = jhmdb_folds(clips, networks_config, work, SIZES)
    again = jhmdb_folds(clips, networks_config, work, SIZES)
    given, dealt = dataset.make(0), dataset.make(FOLDS)
    check_apart(dealt)
    assert shown_by(given.test) != shown_by(dealt.test)
    assert shown_by(again.make(FOLDS).test) == shown_by(dealt.test)


def test_scripts_are_shown_by_clips_of_the_fold_and_test_persons_test(clips, work, tmp_path, networks_config):
    persons = [f"P{number}" for number in range(16, 46)] + list(BREAKFAST_TEST)
    activities = {"tea": "pour_milk", "juice": "squeeze"}
    rows = [
        f"{person}_cam01_{name},{person},cam01,{name},{start},{end},{action}"
        for person in persons
        for name, word in activities.items()
        for start, end, action in ((0, 90, "SIL"), (90, 300, word), (300, 450, "SIL"))
    ]
    (tmp_path / "segments.csv").write_text(
        "\n".join(["video,person,camera,activity,start_frame,end_frame,action", *rows]) + "\n"
    )
    (tmp_path / "words.csv").write_text("action,clip_class\npour_milk,pour\nsqueeze,catch\n")
    assert set(SCRIPT_FILLER) <= set(FILLER)
    dataset = breakfast(clips, tmp_path, networks_config, work)
    splits = dataset.make(2)
    check_apart(splits)
    assert len(splits.test.split.video_ids) == len(BREAKFAST_TEST) * len(activities)
    # 210 of 450 frames of a script show what it is of.
    assert float(splits.training.evidence_VT.float().mean()) == pytest.approx(210 / 450, abs=0.05)
