"""Plans of composites: what must hold for any clips and any settings, and what must not give the label away."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clip_sequences import CompositeVideo
from epitoma.datasets.clips import Clip
from epitoma.datasets.composite_files import digest
from epitoma.datasets.composites import (
    CompositeConfig,
    check_supply,
    class_names,
    plan_composites,
)
from epitoma.video.shots import frames_filled

SPLITS = ("train", "validation", "test")
FILLER = "nothing"


def make_clip(label: str, split: str, number: int, seconds: float) -> Clip:
    name = f"{label}/{split}_{number}.mp4"
    return Clip(
        clip_id=name,
        path=f"/clips/{name}",
        label=label,
        duration_seconds=seconds,
        digest=name,
        split=split,
    )


def make_clips(labels: int, per_split: int, seconds: list[float]) -> list[Clip]:
    names = [FILLER, *(f"class{i}" for i in range(labels))]
    keys = [(name, split, i) for name in names for split in SPLITS for i in range(per_split)]
    return [make_clip(*key, seconds[place % len(seconds)]) for place, key in enumerate(keys)]


def config_of(**settings) -> CompositeConfig:
    few = {"train_videos": 6, "validation_videos": 4, "test_videos": 5, "min_seconds": 20, "max_seconds": 30}
    return CompositeConfig(**{"filler": (FILLER,), **few, **settings})


clip_lists = st.builds(
    make_clips,
    labels=st.integers(2, 4),
    per_split=st.integers(1, 6),
    seconds=st.lists(st.floats(0.02, 4.0), min_size=1, max_size=7),
)
configs = st.builds(
    config_of,
    evidence_share=st.floats(0.02, 0.6),
    evidence_clips=st.none() | st.integers(1, 9),
    fps=st.integers(2, 30),
    filler_is_class=st.booleans(),
    vary=st.booleans(),
    seed=st.integers(0, 2**40),
)


def frames_of(video: CompositeVideo, *, is_filler: bool) -> list[int]:
    pairs = zip(video.clips, video.shots, strict=True)
    return [shot.frame_count for clip, shot in pairs if (clip.label == FILLER) == is_filler]


@given(clips=clip_lists, config=configs)
def test_no_clip_feeds_two_splits(clips, config):
    splits_of_clip = {clip.clip_id: set() for clip in clips}
    for video in plan_composites(clips, config):
        for clip in video.clips:
            splits_of_clip[clip.clip_id].add(video.split)
    assert max(map(len, splits_of_clip.values())) == 1
    assert all(splits <= {clip.split} for clip in clips for splits in [splits_of_clip[clip.clip_id]])


@given(clips=clip_lists, config=configs)
def test_label_and_intervals_are_those_of_the_clips(clips, config):
    for video in plan_composites(clips, config):
        shown = np.repeat([clip.label for clip in video.clips], [shot.frame_count for shot in video.shots])
        assert len(shown) == video.frame_count
        in_evidence = np.zeros(video.frame_count, bool)
        for stretch in video.evidence:
            assert 0 <= stretch.start_frame < stretch.end_frame <= video.frame_count
            assert not in_evidence[stretch.start_frame : stretch.end_frame].any()
            in_evidence[stretch.start_frame : stretch.end_frame] = True
        assert set(shown[in_evidence]) == {video.class_name} - {FILLER}
        assert set(shown[~in_evidence]) == {FILLER}


@given(clips=clip_lists, config=configs)
def test_length_and_share_of_evidence_are_as_near_as_whole_clips_allow(clips, config):
    lengths = [frames_filled(clip.duration_seconds, fps=config.fps) for clip in clips]
    slack = max(lengths) / 2 + 0.5
    for video in plan_composites(clips, config):
        assert config.min_seconds * config.fps - slack <= video.frame_count
        assert video.frame_count <= config.max_seconds * config.fps + slack
        evidence = frames_of(video, is_filler=False)
        if video.class_name == FILLER:
            assert not evidence
            continue
        wanted = config.evidence_share * video.frame_count
        assert (
            abs(sum(evidence) - wanted) <= max(slack, max(lengths) - wanted) + config.evidence_share * slack
        )
        if config.evidence_clips is not None:
            assert (
                len({clip.clip_id for clip in video.clips if clip.label != FILLER}) <= config.evidence_clips
            )


@given(clips=clip_lists, config=configs, shuffle=st.randoms())
def test_the_plan_follows_from_clips_seed_and_the_videos_own_id(clips, config, shuffle):
    planned = plan_composites(clips, config)
    shuffled = shuffle.sample(clips, len(clips))
    fewer = replace(config, train_videos=2, test_videos=3)
    assert plan_composites(shuffled, config) == planned
    kept = {video.video_id for video in plan_composites(clips, fewer)}
    assert plan_composites(clips, fewer) == [video for video in planned if video.video_id in kept]


def test_another_seed_is_another_dataset():
    clips = make_clips(2, 5, [0.3])
    first, second = (plan_composites(clips, config_of(seed=seed)) for seed in (0, 1))
    assert all(a.clips != b.clips for a, b in zip(first, second, strict=True))


def many() -> list[CompositeVideo]:
    clips = make_clips(2, 40, [0.3, 0.4, 0.25])
    return plan_composites(clips, config_of(train_videos=300, evidence_share=0.1))[:300]


def test_evidence_lies_anywhere_and_is_shown_as_filler_is():
    evidence_places, mirrored, left, zoom, repeats = [], ([], []), ([], []), ([], []), ([], [])
    for video in many():
        evidence_places += [(s.start_frame + s.end_frame) / 2 / video.frame_count for s in video.evidence]
        for kind in (0, 1):
            shots = [
                (clip, shot)
                for clip, shot in zip(video.clips, video.shots, strict=True)
                if (clip.label == FILLER) == bool(kind)
            ]
            mirrored[kind].extend(shot.mirrored for _, shot in shots)
            left[kind].extend(shot.left for _, shot in shots)
            zoom[kind].extend(shot.zoom for _, shot in shots)
            repeats[kind].append(np.mean(list(Counter(clip.clip_id for clip, _ in shots).values())))
    assert np.mean(evidence_places) == pytest.approx(0.5, abs=0.03)
    assert np.std(evidence_places) == pytest.approx(12**-0.5, abs=0.03)
    for values in (mirrored, left, zoom):
        assert np.mean(values[0]) == pytest.approx(np.mean(values[1]), abs=0.03)
    assert np.mean(repeats[0]) == pytest.approx(np.mean(repeats[1]), rel=0.25)


def test_filler_does_not_know_the_label():
    """How often each filler clip is shown, in videos of one class and of the other, differs by chance only."""
    shown = {"class0": Counter(), "class1": Counter()}
    for video in many():
        shown[video.class_name].update({clip.clip_id for clip in video.clips if clip.label == FILLER})
    for name in {*shown["class0"], *shown["class1"]}:
        in_one, in_other = shown["class0"][name], shown["class1"][name]
        # Of 150 videos each, a difference of 5 standard deviations.
        assert abs(in_one - in_other) < 5 * (in_one + in_other) ** 0.5


def test_what_names_a_file_is_what_its_bytes_follow_from():
    clips, config = make_clips(2, 3, [0.3]), config_of()
    video = plan_composites(clips, config)[0]
    moved = replace(
        video,
        clips=tuple(replace(clip, path="/elsewhere") for clip in video.clips),
        shots=tuple(replace(shot, path="/elsewhere") for shot in video.shots),
    )
    changed = replace(video, clips=(replace(video.clips[0], digest="other"), *video.clips[1:]))
    assert digest(moved, config) == digest(video, config)
    assert digest(changed, config) != digest(video, config)
    assert digest(video, replace(config, size=64)) != digest(video, config)
    assert digest(video, replace(config, test_videos=9)) == digest(video, config)


@pytest.mark.parametrize(
    ("known", "settings", "message"),
    [
        (("a", "b"), {}, "no clips of the filler class 'nothing'; there are a, b"),
        (("a", FILLER), {}, "make 1 labels, 2 are needed: .* or make filler_is_class true"),
        ((FILLER,), {"filler_is_class": True}, "make 1 labels"),
    ],
)
def test_classes_that_are_no_dataset(known, settings, message):
    with pytest.raises(ManifestError, match=message):
        class_names(known, config_of(**settings))


def test_filler_can_be_a_label():
    assert class_names(("fight", FILLER), config_of(filler_is_class=True)) == ("fight", FILLER)
    assert class_names(("a", "b", FILLER), config_of()) == ("a", "b")


def test_a_class_without_clips_for_a_split():
    clips = [clip for clip in make_clips(2, 2, [0.3]) if (clip.label, clip.split) != ("class1", "test")]
    classes = ("class0", "class1")
    with pytest.raises(ManifestError, match="class1 has none for test videos"):
        check_supply(clips, classes, filler=(FILLER,), splits=config_of().fed_splits)
    check_supply(clips, classes, filler=(FILLER,), splits=config_of(test_videos=0).fed_splits)


def test_several_classes_of_filler_are_one():
    clips = [clip for clip in make_clips(3, 2, [0.3]) if (clip.label, clip.split) != ("class2", "test")]
    config = config_of(filler=("class2", FILLER))
    assert class_names(sorted({clip.label for clip in clips}), config) == ("class0", "class1")
    check_supply(clips, ("class0", "class1"), filler=config.filler, splits=SPLITS)
    with pytest.raises(ManifestError, match="class2 has none for test videos"):
        check_supply(clips, ("class0", "class1"), filler=("class2",), splits=SPLITS)
    shown = {split: set() for split in SPLITS}
    for video in plan_composites(clips, config):
        shown[video.split].update({clip.label for clip in video.clips} - {video.class_name})
    both = {FILLER, "class2"}
    assert shown == {"train": both, "validation": both, "test": {FILLER}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"evidence_share": 0.0}, "evidence_share is 0.0"),
        ({"evidence_share": 0.95}, "evidence_share is 0.95"),
        ({"max_seconds": 10}, "max_seconds is 10, must be from 20"),
        ({"size": 31}, "size is 31, must be even"),
        ({"fps": 0}, "fps is 0"),
        ({"evidence_clips": -1}, "evidence_clips is -1"),
        ({"train_videos": -1}, "some must be above 0 and none below"),
        ({"train_videos": 0, "validation_videos": 0, "test_videos": 0}, "some must be above 0"),
        ({"validation_share": 0.6, "test_share": 0.4}, "sum below 1"),
        ({"min_segment_seconds": 4.0}, "min_segment_seconds is 4.0"),
        ({"filler": ()}, "must name a class"),
        ({"filler": FILLER}, "filler is 'nothing', must name a class"),
        ({"filler": ("a", "b"), "filler_is_class": True}, "filler_is_class needs one class of filler"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        config_of(**settings)
