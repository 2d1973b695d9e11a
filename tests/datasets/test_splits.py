import os
import subprocess
import sys
from ast import literal_eval
from collections import Counter, defaultdict
from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.splits import SplitsConfig, assign, draw_splits, hold_out_validation

shares = st.floats(0.01, 0.4)
seeds = st.integers(0, 99)


def videos(count: int, label: str = "tea", **changes: str | None) -> list[ListedVideo]:
    plain = [
        ListedVideo(video_id=f"{label}/{i}.mp4", path=f"/{label}/{i}.mp4", labels=(label,))
        for i in range(count)
    ]
    return [replace(video, **changes) for video in plain]


def in_groups(groups: dict[str, int], **changes: str | None) -> list[ListedVideo]:
    return [video for name, n in groups.items() for video in videos(n, f"by {name}", group=name, **changes)]


def splits(drawn: list[ListedVideo]) -> dict[str, str | None]:
    return {video.video_id: video.split for video in drawn}


def sizes(drawn: list[ListedVideo]) -> Counter[str | None]:
    return Counter(video.split for video in drawn)


@given(count=st.integers(1, 40), validation=shares, test=shares, seed=seeds)
def test_a_class_is_in_every_split_if_it_has_enough_videos(count, validation, test, seed):
    config = SplitsConfig(validation_share=validation, test_share=test, seed=seed)
    drawn = draw_splits([*videos(count), *videos(count, "milk")], config)
    for label in ("tea", "milk"):
        found = sizes([video for video in drawn if video.labels == (label,)])
        assert found["train"] >= 1
        assert len(found) == min(count, 3)


@given(validation=shares, test=shares, seed=seeds)
def test_shares_are_met_as_well_as_chance_allows(validation, test, seed):
    config = SplitsConfig(validation_share=validation, test_share=test, seed=seed)
    found = sizes(draw_splits(videos(1000), config))
    for split, share in {
        "validation": validation,
        "test": test,
        "train": 1 - validation - test,
    }.items():
        assert abs(found[split] - 1000 * share) < 5 * sqrt(1000 * share * (1 - share))


@given(seed=seeds, kept=st.lists(st.booleans(), min_size=200, max_size=200))
def test_a_video_keeps_its_split_when_others_come_and_go(seed, kept):
    config = SplitsConfig(seed=seed)
    everything = [*videos(120), *videos(80, "milk")]
    some = [video for video, is_kept in zip(everything, kept, strict=True) if is_kept]
    all_splits = splits(draw_splits(everything, config))
    some_splits = splits(draw_splits(some[::-1], config))
    for label in ("tea", "milk"):
        expected = {v.video_id: all_splits[v.video_id] for v in some if v.labels == (label,)}
        # Only a class that would have nothing left in some split has a video moved there.
        if set(expected.values()) == {"train", "validation", "test"}:
            assert expected.items() <= some_splits.items()


def test_splits_are_the_same_in_another_process(repository):
    code = "from tests.datasets.test_splits import *; print(splits(draw_splits(videos(60), SplitsConfig(seed=1))))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = splits(draw_splits(videos(60), SplitsConfig(seed=1)))
    assert literal_eval(elsewhere.stdout) == here
    assert here != splits(draw_splits(videos(60), SplitsConfig(seed=2)))


@given(
    groups=st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 6), min_size=1),
    validation=shares,
    test=shares,
    seed=seeds,
)
def test_no_group_crosses_a_split(groups, validation, test, seed):
    config = SplitsConfig(validation_share=validation, test_share=test, seed=seed)
    drawn = draw_splits(in_groups(groups), config)
    splits_of_group = defaultdict(set)
    for video in drawn:
        splits_of_group[video.group].add(video.split)
    assert all(len(found) == 1 for found in splits_of_group.values())
    assert len(sizes(drawn)) == min(len(groups), 3)


@given(share=shares, seed=seeds)
def test_validation_is_held_out_by_whole_groups_and_leaves_test_alone(share, seed):
    train = in_groups({f"P{i:02d}": 5 for i in range(20)}, split="train")
    test = in_groups({"Q": 5}, split="test")
    drawn = hold_out_validation([*train, *test], share=share, seed=seed)
    assert [video.split for video in drawn if video.group == "Q"] == ["test"] * 5
    held_out = {video.group for video in drawn if video.split == "validation"}
    assert held_out
    assert sizes(drawn)["validation"] == 5 * len(held_out)


def test_given_splits_stay_and_only_the_others_are_drawn():
    given_splits = [*videos(3, split="test"), *videos(3, "milk", split="validation")]
    undrawn = videos(30, "juice")
    drawn = draw_splits([*given_splits, *undrawn], SplitsConfig())
    assert splits(drawn).items() >= splits(given_splits).items()
    assert set(sizes(drawn[6:])) == {"train", "validation", "test"}


def test_validation_is_taken_out_of_train_where_only_that_is_missing():
    train, test = videos(30, split="train"), videos(5, "milk", split="test")
    drawn = draw_splits([*train, *test], SplitsConfig())
    assert set(sizes(drawn)) == {"train", "validation", "test"}
    assert splits(drawn[30:]) == splits(test)
    as_they_are = draw_splits([*train, *test], SplitsConfig(validation_share=0))
    assert splits(as_they_are) == splits([*train, *test])


def test_a_share_of_nothing_makes_no_split():
    drawn = draw_splits(videos(50), SplitsConfig(validation_share=0, test_share=0))
    assert sizes(drawn) == {"train": 50}


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ("train", "test", "group 'P' may not cross splits, but tea/0.mp4 is in train and milk/0.mp4 in test"),
        ("train", None, "tea/0.mp4 is in train and milk/0.mp4 in no split: give all of its videos one split"),
    ],
)
def test_a_group_that_crosses_splits_is_named(one, other, message):
    crossing = [*videos(1, split=one, group="P"), *videos(1, "milk", split=other, group="P")]
    with pytest.raises(ManifestError, match=message):
        draw_splits([*in_groups({"Q": 3}), *crossing], SplitsConfig())


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.2, -0.1)])
def test_shares_leave_something_to_train_on(validation, test):
    with pytest.raises(ConfigError, match=f"shares {validation} and {test}"):
        SplitsConfig(validation_share=validation, test_share=test)


@given(units=st.sets(st.text(max_size=4), min_size=1, max_size=30), share=shares, seed=seeds)
def test_assigning_moves_as_few_units_as_there_are_empty_splits(units, share, seed):
    wanted = {"test": share, "validation": share}
    assigned = assign(units, wanted, seed=seed)
    # The same units among many more are where their own hash says, without any that had to move.
    unmoved = assign({*units, *map(str, range(1000, 1400))}, wanted, seed=seed)
    moved = sum(assigned[unit] != unmoved[unit] for unit in units)
    empty = {"train", "test", "validation"} - {unmoved[unit] for unit in units}
    assert moved <= len(empty)
