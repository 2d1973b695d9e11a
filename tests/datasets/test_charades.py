"""Annotations may not be redistributed: the rows here are made up, in the form of the real ones."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.core.names import NOT_UTF_8
from epitoma.datasets.charades import CODES, CharadesConfig, list_charades
from epitoma.datasets.schema import Interval

COLUMNS = (
    *("id", "subject", "scene", "quality", "relevance", "verified"),
    *("script", "objects", "descriptions", "actions", "length"),
)
Row = tuple[str, str, str]
"""Id, subject and actions."""


def write_annotations(folder: Path, train: list[Row], test: list[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in (("train", train), ("test", test)):
        with (folder / f"Charades_v1_{split}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="made up; and, with commas")
            writer.writeheader()
            for video_id, subject, actions in rows:
                writer.writerow({"id": video_id, "subject": subject, "actions": actions, "length": "30.0"})


@pytest.fixture
def charades(tmp_path: Path):
    """Write annotations and (empty) videos, and list them."""

    def make(train: list[Row], test: list[Row], *, without: tuple[str, ...] = (), **options):
        write_annotations(tmp_path, train, test)
        videos = tmp_path / "Charades_v1_480"
        videos.mkdir(exist_ok=True)
        for video_id, *_ in train + test:
            if video_id not in without:
                (videos / f"{video_id}.mp4").touch()
        return list_charades(CharadesConfig(root=tmp_path, **options))

    return make


def rows(prefix: str, count: int, *, empty: int = 0) -> list[Row]:
    actions = [f"c{i % 157:03d} 0.00 {i % 20 + 1}.50" for i in range(count - empty)] + [""] * empty
    return [(f"{prefix}{i:04d}", f"S{i % 37}", action) for i, action in enumerate(actions)]


def test_as_many_rows_as_published(charades):
    listing = charades(rows("A", 7985), rows("B", 1863))
    counts = Counter(video.split for video in listing.videos)
    assert counts["train"] + counts["validation"] == 7985
    assert counts["test"] == 1863
    assert listing.published == {"train": 7985, "test": 1863}
    assert listing.multi_label
    assert listing.classes == tuple(f"c{i:03d}" for i in range(157))
    assert (listing.rejects, listing.notes) == ((), ())


def test_actions_are_labels_and_intervals(charades, tmp_path):
    (video,) = charades([("AB12C", "S1", "c092 11.90 21.20;c147 0.00 12.60;c092 25 30")], []).videos
    assert (video.video_id, video.labels, video.group) == ("AB12C", ("c092", "c147"), "S1")
    assert video.path == str(tmp_path / "Charades_v1_480" / "AB12C.mp4")
    assert video.intervals == (
        Interval(start_seconds=11.9, end_seconds=21.2, label="c092"),
        Interval(start_seconds=0.0, end_seconds=12.6, label="c147"),
        Interval(start_seconds=25.0, end_seconds=30.0, label="c092"),
    )


def test_validation_is_whole_subjects_of_train(charades):
    listing = charades(rows("A", 400), rows("B", 50))
    splits = {(v.group, v.split) for v in listing.videos if v.split != "test"}
    assert len(splits) == 37
    assert {split for _, split in splits} == {"train", "validation"}
    everything = charades(rows("A", 400), rows("B", 50), validation_share=0)
    assert Counter(video.split for video in everything.videos) == {"train": 400, "test": 50}


@pytest.mark.parametrize(
    ("unlabelled", "kept", "notes"),
    [
        (
            "official",
            {"train": 40, "test": 17},
            [
                "4 videos for train have no actions: kept, as videos that show no class",
                "3 videos for test have no actions: left out (--unlabelled official)",
            ],
        ),
        ("keep", {"train": 40, "test": 20}, ["4 videos for train have", "3 videos for test have"]),
        ("drop", {"train": 36, "test": 17}, ["4 videos for train have", "3 videos for test have"]),
    ],
)
def test_unlabelled_videos(charades, unlabelled, kept, notes):
    listing = charades(
        rows("A", 40, empty=4), rows("B", 20, empty=3), unlabelled=unlabelled, validation_share=0
    )
    assert Counter(video.split for video in listing.videos) == kept
    assert len(listing.rejects) == 60 - sum(kept.values())
    assert all(reject.reason.startswith("has no actions") for reject in listing.rejects)
    assert [said.startswith(note) for said, note in zip(listing.notes, notes, strict=True)] == [True, True]


def test_unlabelled_videos_of_validation_are_treated_as_those_of_test(charades):
    listing = charades(rows("A", 370, empty=100), [], validation_share=0.3)
    assert all(video.labels for video in listing.videos if video.split == "validation")
    assert not all(video.labels for video in listing.videos if video.split == "train")
    assert len(listing.rejects) + len(listing.videos) == 370


def test_missing_and_spare_videos_are_reported(charades, tmp_path):
    spare = tmp_path / "Charades_v1_480" / "SPARE.mp4"
    spare.parent.mkdir()
    spare.touch()
    listing = charades(rows("A", 5), rows("B", 2), without=("A0003", "B0001"))
    assert len(listing.videos) == 5
    assert {(r.video_id, Path(r.path).name, r.reason) for r in listing.rejects} == {
        ("A0003", "A0003.mp4", "no such file"),
        ("B0001", "B0001.mp4", "no such file"),
        ("SPARE", "SPARE.mp4", "is in neither annotation file"),
    }


def test_no_file_of_the_folder_of_videos_vanishes(charades, tmp_path):
    """By an odd suffix or none: what such a file is shows when it is opened."""
    videos = tmp_path / "Charades_v1_480"
    videos.mkdir()
    odd = ("A0001", "A0002.unknown", "A0003.MTS", "A0004", "SPARE.odd", "bare")
    for name in (*odd, "A0000.md5", ".DS_Store", "README", os.fsdecode(b"B0000.\xe9")):
        (videos / name).touch()
    listing = charades(rows("A", 5), rows("B", 1), without=("A0001", "A0002", "A0003", "B0000"))
    assert {video.video_id: Path(video.path).name for video in listing.videos} == {
        "A0000": "A0000.mp4",
        "A0001": "A0001",
        "A0002": "A0002.unknown",
        "A0003": "A0003.MTS",
        "A0004": "A0004.mp4",
    }
    assert {(r.video_id, r.reason) for r in listing.rejects} == {
        ("A0004", f"is there already as {videos}/A0004.mp4"),
        ("SPARE", "is in neither annotation file"),
        ("bare", "is in neither annotation file"),
        ("B0000", NOT_UTF_8),
    }
    (note,) = listing.notes
    assert sorted(note.removeprefix("not taken for videos: ").split(", ")) == [
        "1 .md5",
        "1 README",
        "1 hidden",
    ]


def test_the_folder_of_videos_is_found_by_those_named_like_videos_where_there_are_any(charades, tmp_path):
    (tmp_path / "classify.m").touch()
    assert len(charades(rows("A", 3), []).videos) == 3
    for video in (tmp_path / "Charades_v1_480").iterdir():
        video.rename(video.with_suffix(""))
    (tmp_path / "classify.m").unlink()
    listing = list_charades(CharadesConfig(root=tmp_path))
    assert {Path(video.path).name for video in listing.videos} == {"A0000", "A0001", "A0002"}


@pytest.mark.parametrize("action", ["c157 0 1", "092 0 1", "c092 0", "c092 a b", "c092 0 1 2"])
def test_an_action_that_cannot_be_read(charades, action):
    listing = charades([*rows("A", 2), ("BAD", "S1", f"c000 0 1;{action}")], [])
    (reject,) = listing.rejects
    assert (reject.video_id, len(listing.videos)) == ("BAD", 2)
    assert reject.reason.startswith(f"action {action!r} cannot be read, expected c000 to c156")


def test_names_of_classes(charades, tmp_path):
    with pytest.raises(ManifestError, match=r"Charades_v1_classes\.txt, which --named-classes needs"):
        charades(rows("A", 3), [], named_classes=True)
    lines = [f"{code} Doing {code}" for code in CODES]
    (tmp_path / "Charades_v1_classes.txt").write_text("\n".join(lines[::-1]) + "\n")
    listing = charades(rows("A", 3), [], named_classes=True)
    assert listing.classes == tuple(lines)
    assert listing.videos[1].labels == ("c001 Doing c001",)
    assert listing.videos[1].intervals[0].label == "c001 Doing c001"
    (tmp_path / "Charades_v1_classes.txt").write_text("\n".join(lines[:-2]))
    with pytest.raises(ManifestError, match="has no line for 2 classes, c155 for example"):
        charades(rows("A", 3), [], named_classes=True)


def test_annotations_and_videos_may_lie_elsewhere(charades, tmp_path):
    expected = charades(rows("A", 5), rows("B", 2))
    for split in ("train", "test"):
        (tmp_path / "Charades").mkdir(exist_ok=True)
        (tmp_path / f"Charades_v1_{split}.csv").rename(tmp_path / f"Charades/Charades_v1_{split}.csv")
    assert list_charades(CharadesConfig(root=tmp_path)) == expected
    (tmp_path / "Charades").rename(tmp_path / "somewhere")
    options = {"annotations": tmp_path / "somewhere", "videos": tmp_path / "Charades_v1_480"}
    assert list_charades(CharadesConfig(root=tmp_path, **options)) == expected
    with pytest.raises(ManifestError, match=r"no Charades_v1_train\.csv and .* --annotations"):
        list_charades(CharadesConfig(root=tmp_path))


def test_which_folder_of_videos_is_asked_if_there_are_several(charades, tmp_path):
    (tmp_path / "Charades_v1").mkdir()
    (tmp_path / "Charades_v1" / "A0000.mp4").touch()
    with pytest.raises(
        ConfigError, match=r"\(Charades_v1, Charades_v1_480\); name one of them with --videos"
    ):
        charades(rows("A", 3), [])


def test_unusable_sources(charades, tmp_path):
    with pytest.raises(ManifestError, match="no such folder"):
        list_charades(CharadesConfig(root=tmp_path / "gone"))
    write_annotations(tmp_path, rows("A", 3), [])
    with pytest.raises(ManifestError, match="holds no videos; name their folder with --videos"):
        list_charades(CharadesConfig(root=tmp_path))
    with pytest.raises(ManifestError, match="1 ids appear more than once in the annotation files, A0001"):
        charades(rows("A", 3), rows("A", 2)[1:])
    (tmp_path / "Charades_v1_test.csv").write_text("id,actions\nA1,\n")
    with pytest.raises(ManifestError, match=r"test\.csv: has no column subject; its columns are id, actions"):
        list_charades(CharadesConfig(root=tmp_path))
