import os
import re
from collections import Counter
from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.core.names import NOT_UTF_8
from epitoma.datasets.breakfast import CLASSES, BreakfastConfig, list_breakfast
from epitoma.datasets.listing import Listing

PERSONS = [f"P{number:02d}" for number in range(3, 55)]


def whole_dataset() -> list[str]:
    """As many videos as the publication counts, of all 52 persons, and the second channels that are not used."""
    names = []
    for persons, plain, stereo in ((PERSONS[:44], 1357 - 248, 248), (PERSONS[44:], 355 - 56, 56)):
        cameras = ("cam01", "cam02", "webcam01", "webcam02")
        names += [f"{p}/{c}/{p}_{a}.avi" for a in CLASSES for c in cameras for p in persons][:plain]
        pairs = [f"{p}/stereo/{p}_{a}" for a in CLASSES for p in persons][:stereo]
        names += [f"{pair}_ch{channel}.avi" for pair in pairs for channel in (0, 1)]
    return names


@pytest.fixture
def breakfast(tmp_path: Path):
    """Make the files, which listing never opens, and list them."""
    root = tmp_path / "BreakfastII_15fps_qvga_sync"

    def make(names: list[str], **options) -> Listing:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        return list_breakfast(BreakfastConfig(root=tmp_path, **options))

    return make


def test_the_whole_dataset(breakfast):
    names = whole_dataset()
    listing = breakfast(names)
    assert listing.classes == (
        *("cereals", "coffee", "friedegg", "juice", "milk"),
        *("pancake", "salat", "sandwich", "scrambledegg", "tea"),
    )
    assert not listing.multi_label
    assert listing.published == {"train": 1357, "test": 355}
    counts = Counter(video.split for video in listing.videos)
    assert counts["train"] + counts["validation"] == 1357
    assert counts["test"] == 355
    assert {video.group for video in listing.videos} == set(PERSONS)
    assert listing.notes == ()
    assert len(listing.rejects) == 304
    assert all(reject.path.endswith("_ch1.avi") for reject in listing.rejects)
    assert {reject.reason for reject in listing.rejects} == {
        "is the second channel of a stereo video, of which ch0 alone is used"
    }


def test_a_name_that_is_not_utf_8_costs_one_file_and_no_other(breakfast):
    listing = breakfast(["P03/cam01/P03_tea.avi", os.fsdecode(b"P03/cam02/P03_tea.\xe9")])
    assert [video.video_id for video in listing.videos] == ["P03-cam01-P03_tea"]
    assert [(reject.video_id, reject.reason) for reject in listing.rejects] == [
        ("P03-cam02-P03_tea", NOT_UTF_8)
    ]


def test_persons_are_in_the_splits_that_the_publication_gives_them(breakfast):
    listing = breakfast([f"{person}/cam01/{person}_tea.avi" for person in PERSONS], validation_share=0)
    assert {v.group: v.split for v in listing.videos} == {
        person: "train" if person <= "P46" else "test" for person in PERSONS
    }


def test_validation_is_whole_persons_of_train(breakfast):
    listing = breakfast([f"{p}/{c}/{p}_tea.avi" for p in PERSONS for c in ("cam01", "webcam02")])
    splits = {(video.group, video.split) for video in listing.videos}
    assert len(splits) == 52
    held_out = {person for person, split in splits if split == "validation"}
    assert 1 <= len(held_out) <= 10
    assert all(person <= "P46" for person in held_out)


def test_names_and_labels(breakfast):
    listing = breakfast(["P03/webcam01/P03_salat.avi", "P47/stereo/P47_friedegg_ch0.avi"], validation_share=0)
    assert [(video.video_id, video.labels) for video in listing.videos] == [
        ("P03-webcam01-P03_salat", ("salat",)),
        ("P47-stereo-P47_friedegg_ch0", ("friedegg",)),
    ]


def test_what_vis4mer_leaves_out_is_left_out_if_asked_and_reported(breakfast):
    names = ["P28/cam01/P28_cereals.avi", "P28/cam02/P28_cereals.avi", "P27/stereo/P27_milk_ch0.avi"]
    names.append("P28/cam01/P28_milk.avi")
    assert len(breakfast(names).videos) == 4
    listing = breakfast(names, vis4mer_exclusions=True)
    assert [video.video_id for video in listing.videos] == ["P28-cam01-P28_milk"]
    assert {reject.reason for reject in listing.rejects} == {"is left out as by ViS4mer"}
    assert len(listing.rejects) == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("P03/P03_tea.avi", "is not named like P03/cam01/P03_cereals.avi"),
        ("P03/cam01/P04_tea.avi", "is not named like"),
        ("P03/cam01/tea.avi", "is not named like"),
        ("P03/cam03/P03_tea.avi", "camera cam03 is none of cam01, cam02, webcam01, webcam02, stereo"),
        ("P03/cam01/P03_beer.avi", "activity beer is none of cereals"),
        ("P02/cam01/P02_tea.avi", "person P02 is in neither split"),
        ("P03/stereo/P03_tea.avi", "stereo has no channel, expected ch0"),
        ("P03/cam01/P03_tea_ch0.avi", "cam01 has ch0, expected none"),
        ("P05/cam01/P05_tea.mp4", "is there already as .*P05_tea.avi"),
    ],
)
def test_other_videos_are_rejects_with_their_reason(breakfast, name, reason):
    listing = breakfast(["P05/cam01/P05_tea.avi", name], validation_share=0)
    assert len(listing.videos) == 1
    (reject,) = listing.rejects
    assert reject.path.endswith(name)
    assert re.match(reason, reject.reason)


def test_what_is_missing_is_noted(breakfast):
    whole = whole_dataset()
    kept = [name for name in whole if not name.startswith(("P10/", "P50/"))]
    listing = breakfast(kept)
    assert listing.notes[0] == "no videos of 2 of 52 persons: P10, P50"
    stereo = {
        split: sum("_ch0" in n for n in kept if (n[:3] <= "P46") == (split == "train"))
        for split in ("train", "test")
    }
    assert listing.notes[1:] == (
        f"stereo videos for train: {stereo['train']}, published 248",
        f"stereo videos for test: {stereo['test']}, published 56",
    )


def test_the_folder_itself_or_what_holds_it(breakfast, tmp_path):
    inside = breakfast(["P03/cam01/P03_tea.avi"])
    root = tmp_path / "BreakfastII_15fps_qvga_sync"
    assert list_breakfast(BreakfastConfig(root=root)) == inside
    root.rename(tmp_path / "inner")
    (tmp_path / "BreakfastII_15fps_qvga_sync").mkdir()
    (tmp_path / "inner").rename(root / "BreakfastII_15fps_qvga_sync")
    assert [v.video_id for v in list_breakfast(BreakfastConfig(root=tmp_path)).videos] == [
        "P03-cam01-P03_tea"
    ]


def test_unusable_folders(tmp_path, put_clips):
    with pytest.raises(ManifestError, match="gone: no such folder"):
        list_breakfast(BreakfastConfig(root=tmp_path / "gone"))
    root = put_clips("tea/a.mp4")
    with pytest.raises(ManifestError, match=r"has no videos like P03/cam01/P03_cereals\.avi"):
        list_breakfast(BreakfastConfig(root=root))
    with pytest.raises(ConfigError, match="validation_share is 1"):
        BreakfastConfig(root=root, validation_share=1)
