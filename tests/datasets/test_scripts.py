"""Plans that follow a script: order and times as written, filler for what has no word, no person in two splits."""

from pathlib import Path

import numpy as np
import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clip_sequences import CompositeVideo
from epitoma.datasets.clips import Clip
from epitoma.datasets.composites import LookConfig
from epitoma.datasets.scripts import ScriptConfig, read_scripts, scripted_story

SPLITS = ("train", "validation", "test")
LOOK = LookConfig(filler=("walk", "sit"), fps=10)
COLUMNS = "video,person,activity,start_frame,end_frame,action"
KNOWN = ("jump", "pour", "sit", "walk")


def clips() -> list[Clip]:
    return [
        Clip(
            clip_id=(name := f"{label}/{split}{number}.mp4"),
            path=f"/clips/{name}",
            label=label,
            duration_seconds=0.4 + 0.1 * number,
            digest=name,
            split=split,
        )
        for label in KNOWN
        for split in SPLITS
        for number in range(4)
    ]


def config_of(folder: Path, *rows: str, words: str = "milk,pour\negg,jump\n", **settings) -> ScriptConfig:
    (folder / "script.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    (folder / "words.csv").write_text("action,clip_class\n" + words)
    return ScriptConfig(script=folder / "script.csv", words=folder / "words.csv", **settings)


def many_rows(persons: int = 10) -> list[str]:
    return [
        f"v{person}_{activity},p{person},{activity},{row}"
        for person in range(persons)
        for activity, rows in (
            ("tea", ("0,30,SIL", "30,150,milk", "150,165,stir", "165,300,egg")),
            ("cake", ("0,200,egg", "200,400,SIL")),
        )
        for row in rows
    ]


def planned(folder: Path, *rows: str, **settings) -> list[CompositeVideo]:
    return scripted_story(KNOWN, config_of(folder, *rows, **settings), LOOK).plan(clips())


def shown_at(video: CompositeVideo, second: float) -> str:
    ends = np.cumsum([shot.frame_count for shot in video.shots])
    return video.clips[int(np.searchsorted(ends, second * LOOK.fps, side="right"))].label


def test_a_video_shows_what_its_script_says_when_it_says_it(tmp_path):
    (tea, cake) = planned(tmp_path, *many_rows(1), test_persons=("p0",))
    assert (tea.class_name, cake.class_name) == ("tea", "cake")
    assert [shown_at(tea, second) for second in (5, 8, 12, 18)] == ["pour", "pour", "jump", "jump"]
    assert {shown_at(tea, second) for second in (0.5, 1, 10.5)} <= {"walk", "sit"}
    # Clips are shown whole: half of the longest is the most that a time can be away.
    assert tea.frame_count == pytest.approx(20 * LOOK.fps, abs=4)
    starts = [stretch.start_frame / LOOK.fps for stretch in tea.evidence]
    ends = [stretch.end_frame / LOOK.fps for stretch in tea.evidence]
    assert np.allclose([starts, ends], [[2, 11], [10, 20]], atol=0.4)


def test_times_do_not_drift(tmp_path):
    rows = [f"v,p,a,{15 * n},{15 * (n + 1)},{'milk' if n % 2 else 'SIL'}" for n in range(200)]
    (video,) = planned(tmp_path, *rows, test_persons=("p",))
    assert video.frame_count == pytest.approx(200 * LOOK.fps, abs=4)
    middle = [stretch.start_frame / LOOK.fps for stretch in video.evidence]
    assert np.allclose(middle, np.arange(1, 200, 2), atol=0.4)


def test_what_lies_between_segments_is_filler(tmp_path):
    (video,) = planned(tmp_path, "v,p,a,0,45,milk", "v,p,a,90,135,milk", test_persons=("p",))
    assert shown_at(video, 1) == shown_at(video, 8) == "pour"
    assert {shown_at(video, second) for second in (3.5, 4.5, 5.5)} <= {"walk", "sit"}
    assert len(video.evidence) == 2


def test_no_person_and_no_clip_is_in_two_splits(tmp_path):
    config = config_of(tmp_path, *many_rows(), test_persons=("p3", "p4"))
    split_of_person = {}
    for script in read_scripts(config, LOOK):
        person = script.video_id.split("_")[0]
        assert split_of_person.setdefault(person, script.split) == script.split
    assert {person for person, split in split_of_person.items() if split == "test"} == {"v3", "v4"}
    assert set(split_of_person.values()) == set(SPLITS)
    for video in scripted_story(KNOWN, config, LOOK).plan(clips()):
        assert {clip.split for clip in video.clips} == {video.split}


def test_without_test_persons_shares_are_drawn(tmp_path):
    scripts = read_scripts(config_of(tmp_path, *many_rows(40)), LOOK)
    assert {script.split for script in scripts} == set(SPLITS)


def test_the_story_names_classes_and_what_it_shows(tmp_path):
    story = scripted_story(KNOWN, config_of(tmp_path, "v,p,tea,0,9,milk", "w,q,cake,0,9,SIL"), LOOK)
    assert story.classes == ("cake", "tea")
    assert story.shown == ("pour",)


def test_a_plan_follows_from_its_own_script(tmp_path):
    rows = many_rows()
    every = planned(tmp_path, *rows, test_persons=("p0",))
    fewer = planned(tmp_path, *rows[: len(rows) // 2], test_persons=("p0",))
    known = {video.video_id: video for video in every}
    assert [video.clips for video in fewer if video.split == "test"] == [
        known[video.video_id].clips for video in fewer if video.split == "test"
    ]


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (["v,p,a,0,9,milk", "v,q,a,9,18,milk"], {}, "video v has more than one person"),
        (["v,p,a,0,9,milk", "v,p,b,9,18,milk"], {}, "video v has more than one activity"),
        (["v,p,a,0,9,milk", "v,p,a,5,18,milk"], {}, "segment 5 to 18 of video v does not come after frame 9"),
        (["v,p,a,9,9,milk"], {}, "segment 9 to 9"),
        (["v,p,a,0,x,milk"], {}, "end_frame 'x' of video v is no number"),
        (["v,p,a,0,9,milk"], {"test_persons": ("q",)}, "no videos of the test person q"),
        (["v,p,a,0,9,milk"], {"words": "milk,swim\n"}, "no clips of swim; there are jump, pour"),
        (["v,p,a,0,9,milk"], {"words": "milk,pour\nmilk,jump\n"}, "has an action in more than one row"),
    ],
)
def test_scripts_that_are_refused(tmp_path, rows, settings, message):
    with pytest.raises(ManifestError, match=message):
        planned(tmp_path, *rows, **settings)


def test_a_rate_that_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match="script_fps is 0"):
        config_of(tmp_path, "v,p,a,0,9,milk", script_fps=0)
