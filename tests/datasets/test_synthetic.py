from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError
from epitoma.datasets.manifest import read_manifest, write_manifest
from epitoma.datasets.sprites import MOTIONS, ONE_ACTIONS, OneAction, animate
from epitoma.datasets.synthetic import (
    SyntheticConfig,
    class_actions,
    class_names,
    plan_dataset,
    render,
    write_synthetic_video,
)
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video

SMALL = SyntheticConfig(train_videos=20, validation_videos=10, test_videos=10)

configs = st.builds(
    SyntheticConfig,
    train_videos=st.integers(0, 30),
    validation_videos=st.just(3),
    test_videos=st.just(3),
    evidence_share=st.floats(0.08, 0.5),
    min_seconds=st.floats(20, 30),
    max_seconds=st.floats(30, 90),
    seed=st.integers(0, 1000),
)


@given(config=configs)
def test_plans_keep_their_promises(config):
    actions = dict(zip(class_names(config), class_actions(config), strict=True))
    for video in plan_dataset(config):
        segments = sorted(video.evidence + video.distractors, key=lambda segment: segment.start_frame)
        edges = [edge for segment in segments for edge in (segment.start_frame, segment.end_frame)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= video.frame_count
        assert all(segment.end_frame > segment.start_frame for segment in segments)
        assert {segment.action for segment in video.evidence} == set(actions[video.class_name])
        shown = sum(segment.end_frame - segment.start_frame for segment in video.evidence)
        assert shown == round(config.evidence_share * video.frame_count)
        assert config.min_seconds - 1 <= video.frame_count / config.fps <= config.max_seconds + 1


def test_distractors_take_a_third_of_the_rest_and_look_like_no_one_action():
    videos = plan_dataset(replace(SMALL, train_videos=300))
    distracted = sum(s.end_frame - s.start_frame for video in videos for s in video.distractors)
    rest = sum(video.frame_count for video in videos) * (1 - SMALL.evidence_share)
    assert distracted / rest == pytest.approx(1 / 3, abs=0.04)
    looks = {segment.action.appearance for video in videos for segment in video.distractors}
    assert not looks & {action.appearance for action in ONE_ACTIONS}
    assert {shape for shape, _ in looks} == {action.shape for action in ONE_ACTIONS}


@pytest.mark.parametrize("seed", range(5))
def test_classes_share_one_actions_but_stay_apart(seed):
    sets = class_actions(replace(SMALL, seed=seed))
    usage = Counter(action for actions in sets for action in actions)
    assert all(len(set(actions)) == 3 for actions in sets)
    assert set(usage) == set(ONE_ACTIONS[:16])
    assert max(usage.values()) <= 4
    for one, other in combinations(sets, 2):
        assert len(set(one) - set(other)) >= 2


@pytest.mark.parametrize("seed", range(5))
def test_one_pair_of_classes_is_told_apart_by_motion_alone(seed):
    def looks_of(config):
        return [frozenset(a.appearance for a in actions) for actions in class_actions(config)]

    twins = looks_of(replace(SMALL, seed=seed))
    assert twins[0] == twins[1]
    assert len(set(twins)) == 9
    assert all(len(a & b) <= 1 for a, b in combinations(twins[1:], 2))
    assert len(set(looks_of(replace(SMALL, seed=seed, twin_classes=0)))) == 10


def test_classes_and_splits_are_balanced():
    counts = Counter((video.split, video.class_name) for video in plan_dataset(SMALL))
    assert counts == {
        (split, name): count
        for split, count in (("train", 2), ("validation", 1), ("test", 1))
        for name in class_names(SMALL)
    }


def test_a_video_depends_on_its_seed_and_id_only():
    fewer, more = plan_dataset(SMALL), plan_dataset(replace(SMALL, train_videos=40))
    assert {v.video_id: v for v in fewer}.items() <= {v.video_id: v for v in more}.items()
    assert fewer[0] != plan_dataset(replace(SMALL, seed=1))[0]
    first, again = (np.stack(list(render(fewer[3], SMALL))) for _ in range(2))
    assert np.array_equal(first, again)


def test_the_background_does_not_depend_on_the_class():
    config = replace(SMALL, size=48)
    video = plan_dataset(config)[0]
    bare = replace(video, evidence=(), distractors=())
    with_objects = np.stack(list(render(video, config)))
    without = np.stack(list(render(bare, config)))
    shown = np.zeros(video.frame_count, dtype=bool)
    for segment in video.evidence + video.distractors:
        shown[segment.start_frame : segment.end_frame] = True
    differs = (with_objects != without).any(axis=(1, 2, 3))
    assert np.array_equal(differs, shown)
    renamed = replace(bare, class_name="another")
    assert np.array_equal(without, np.stack(list(render(renamed, config))))


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_moves_and_stays_mostly_in_view(motion):
    action = OneAction("some", "triangle", "red", motion)
    rng = np.random.default_rng(0)
    shown = list(animate(action, 20, rng, size=112, fps=8, brightness=1.0))
    assert len({(id(sprite), top, left) for sprite, top, left in shown}) >= 8
    for sprite, top, left in shown:
        side = len(sprite.pixels)
        assert 0 <= top + side / 2 <= 112
        assert 0 <= left + side / 2 <= 112
        assert sprite.opaque.any()


def horizontal_steps(motion: str) -> np.ndarray:
    shown = animate(
        OneAction("some", "disk", "red", motion), 9, np.random.default_rng(3), size=112, fps=8, brightness=1
    )
    return np.sign(np.diff([left for _, _, left in shown]))


def test_motion_pairs_move_in_opposite_ways():
    assert (horizontal_steps("slide right") > 0).sum() >= 7
    assert (horizontal_steps("slide left") < 0).sum() >= 7


def test_writing_gives_a_real_video_with_its_evidence(tmp_path):
    config = replace(SMALL, min_seconds=16, max_seconds=18, size=64)
    videos = plan_dataset(config)[:2]
    rows = [write_synthetic_video(video, config, tmp_path / "videos") for video in videos]
    write_manifest(tmp_path / "set.parquet", rows, classes=class_names(config), multi_label=False)
    manifest = read_manifest(tmp_path / "set.parquet")
    index = index_video(manifest.resolved_paths()[0])
    assert (index.frame_count, index.fps, index.width) == (videos[0].frame_count, 8.0, 64)
    assert np.diff(index.keyframes).max() <= config.gop

    frames = np.array([segment.start_frame + 1 for segment in videos[0].evidence])
    (decoded,) = decode_frames(manifest.resolved_paths()[0], index, frames, sizes=(64,))
    drawn = np.stack(list(render(videos[0], config)))[frames]
    assert np.abs(decoded.astype(int) - drawn).mean() < 10

    times = np.array([[index.seconds(int(i)) for i in range(100)]] * 2)
    in_evidence = [any(s.start_frame <= i < s.end_frame for s in videos[0].evidence) for i in range(100)]
    assert manifest.evidence(times)[0].tolist() == in_evidence


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 1}, "classes is 1, must be from 2 to 20"),
        ({"one_actions": 99}, "one_actions is 99, must be from 2 to 24"),
        ({"size": 63}, "size is 63, must be even"),
        ({"min_seconds": 90.0}, r"max_seconds is 60\.0, must be from 90\.0"),
        ({"evidence_share": 0.01}, "the shortest video would have 2 frames of evidence, 12 are needed"),
    ],
)
def test_impossible_configs(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, **changes)


def test_too_few_one_actions_for_the_classes():
    config = SyntheticConfig(classes=20, one_actions=6, actions_per_class=2)
    with pytest.raises(ConfigError, match="6 one_actions are too few for 20 classes"):
        class_actions(config)
