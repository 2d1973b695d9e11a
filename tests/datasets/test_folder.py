import os

import pytest

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8
from epitoma.datasets.folder import FolderConfig, list_folder


def test_a_folder_a_class(put_clips):
    root = put_clips(
        "tea/a.mp4", "tea/deep/er/b.MP4", "tea/c.mp4", "coffee/a.mp4", ".hidden/x.mp4", "tea/.y.mp4"
    )
    (root / "tea/notes.txt").write_text("no video")
    (root / "LICENSE").write_text("no video")
    listing = list_folder(FolderConfig(root=root))
    assert listing.rejects == ()
    assert listing.notes == ("not taken for videos: 2 hidden, 1 LICENSE, 1 .txt",)
    assert listing.classes == ("coffee", "tea")
    assert not listing.multi_label
    assert {video.video_id: video.labels for video in listing.videos} == {
        "coffee/a.mp4": ("coffee",),
        "tea/a.mp4": ("tea",),
        "tea/c.mp4": ("tea",),
        "tea/deep/er/b.MP4": ("tea",),
    }
    assert {video.path for video in listing.videos} == {str(root / v.video_id) for v in listing.videos}
    assert [video.split for video in listing.videos if video.labels == ("coffee",)] == ["train"]
    assert {v.split for v in listing.videos if v.labels == ("tea",)} == {"train", "validation", "test"}


def test_split_folders_are_the_splits(put_clips):
    root = put_clips("train/tea/a.mp4", "val/tea/a.mp4", "valid/tea/b.mp4", "test/coffee/sub/a.mp4")
    listing = list_folder(FolderConfig(root=root))
    assert {(video.video_id, video.split, video.labels[0]) for video in listing.videos} == {
        ("train/tea/a.mp4", "train", "tea"),
        ("val/tea/a.mp4", "validation", "tea"),
        ("valid/tea/b.mp4", "validation", "tea"),
        ("test/coffee/sub/a.mp4", "test", "coffee"),
    }


def test_split_folders_inside_those_of_classes_are_the_splits_too(put_clips):
    root = put_clips("tea/train/a.mp4", "tea/Test/deep/b.mp4", "coffee/val/a.mp4", "loose.mp4", "tea/list")
    listing = list_folder(FolderConfig(root=root))
    assert {(video.video_id, video.split, video.labels[0]) for video in listing.videos} == {
        ("tea/train/a.mp4", "train", "tea"),
        ("tea/Test/deep/b.mp4", "test", "tea"),
        ("coffee/val/a.mp4", "validation", "coffee"),
    }
    assert {reject.video_id: reject.reason for reject in listing.rejects} == {
        "loose.mp4": "is not inside a class folder",
        "tea/list": "is not inside the folder of a split",
    }
    assert listing.notes == ()


def test_splits_that_are_given_are_not_drawn_anew_for_a_stray_video(put_clips):
    given = [f"{name}/{split}/a.mp4" for name in ("tea", "coffee") for split in ("train", "test")]
    strays = ["tea/stray.mp4", *(f"tea/deep/{number}.mp4" for number in range(4))]
    root = put_clips(*given, strays[0])
    with pytest.raises(ManifestError) as told:
        list_folder(FolderConfig(root=root))
    assert str(told.value) == (
        f"{root}: 4 of 5 videos lie in folders named as splits inside those of classes (coffee/test/a.mp4), but not "
        "tea/stray.mp4: put it into the folder of a split, too; a folder that is no split needs another name"
    )
    put_clips(*strays, *(f"cake/val/{number}.mp4" for number in range(9)))
    with pytest.raises(ManifestError, match=r"but not tea/stray\.mp4, .*/1\.mp4 and 2 more: put them into"):
        list_folder(FolderConfig(root=root))


@pytest.mark.parametrize(
    "others", ["tea/b.mp4 coffee/c.mp4", "tea/b.mp4 tea/c.mp4 coffee/deep/d.mp4 loose.mp4"]
)
def test_a_folder_named_as_a_split_is_none_where_most_videos_lie_in_no_such_folder(put_clips, others):
    root = put_clips("tea/test/a.mp4", "coffee/train/a.mp4", *others.split())
    listing = list_folder(FolderConfig(root=root))
    inside = len(listing.videos)
    assert {reject.video_id for reject in listing.rejects} == {"loose.mp4"} & set(others.split())
    assert listing.classes == ("coffee", "tea")
    (note,) = listing.notes
    assert note == (
        f"2 of {inside} videos lie in folders named as splits inside those of classes (coffee/train/a.mp4): these are "
        "taken for no splits, since the others do not lie so, and splits are drawn"
    )


def test_splits_are_found_where_no_file_is_named_like_a_video(put_clips):
    listing = list_folder(FolderConfig(root=put_clips("tea/train/a", "tea/test/b", "coffee/val/c.unknown")))
    assert {video.video_id: video.split for video in listing.videos} == {
        "tea/train/a": "train",
        "tea/test/b": "test",
        "coffee/val/c.unknown": "validation",
    }


@pytest.mark.parametrize(
    "names",
    [
        *[("Train", "Val", "Test"), ("TRAIN", "VALIDATION", "TEST"), ("training", "dev", "testing")],
        *[("train_set", "valid-set", "testset"), ("Training Data", "Development", "tst")],
    ],
)
def test_splits_go_by_many_names_in_any_case(put_clips, names):
    root = put_clips(*(f"{name}/tea/{place}.mp4" for place, name in enumerate(names)))
    listing = list_folder(FolderConfig(root=root))
    assert [video.split for video in sorted(listing.videos, key=lambda v: v.path.rpartition("/")[2])] == [
        *("train", "validation", "test")
    ]
    assert listing.classes == ("tea",)


def test_what_is_called_alike_by_chance_is_no_split(put_clips):
    root = put_clips("tests/a.mp4", "device/a.mp4", "value/a.mp4", "trains/a.mp4", "set/a.mp4", "data/a.mp4")
    assert list_folder(FolderConfig(root=root)).classes == (
        "data",
        "device",
        "set",
        "tests",
        "trains",
        "value",
    )


ODD = (
    "a.MTS",
    "b.m2ts",
    "c.wmv",
    "d.flv",
    "e.3gp",
    "f.dv",
    "g.gif",
    "h.vob",
    "i.ogv",
    "j.mpg",
    "k.unknown",
    "bare",
)


def test_every_file_is_listed_or_counted(put_clips):
    """What FFmpeg makes of a file shows when it is opened, and not by its name."""
    root = put_clips(*(f"tea/{name}" for name in ODD), "coffee/a.mp4", "papers/contract")
    for name in ("tea/a.txt", "tea/b.TXT", "coffee/cover.jpg", "notes.md", "coffee/.DS_Store"):
        (root / name).write_text("no video")
    listing = list_folder(FolderConfig(root=root))
    assert {v.video_id for v in listing.videos} == {
        *(f"tea/{name}" for name in ODD),
        *("coffee/a.mp4", "papers/contract"),
    }
    counted = listing.notes[0].removeprefix("not taken for videos: ").split(", ")
    assert (counted[0], sorted(counted)) == ("2 .txt", ["1 .jpg", "1 .md", "1 hidden", "2 .txt"])
    assert listing.doubtful == {"papers"}


def test_files_beside_splits_are_rejects(put_clips):
    root = put_clips("train/tea/a.mp4", "annotations/tea/list", "loose.mp4")
    listing = list_folder(FolderConfig(root=root))
    assert {reject.video_id: reject.reason for reject in listing.rejects} == {
        "annotations/tea/list": "is not inside the folder of a split",
        "loose.mp4": "is not inside a class folder",
    }


def test_videos_outside_a_class_are_rejects(put_clips):
    root = put_clips("tea/good.mp4", "loose.mp4")
    listing = list_folder(FolderConfig(root=root))
    assert [video.video_id for video in listing.videos] == ["tea/good.mp4"]
    (reject,) = listing.rejects
    assert (reject.video_id, reject.path) == ("loose.mp4", str(root / "loose.mp4"))
    assert reject.reason == "is not inside a class folder"


def test_names_that_are_not_utf_8_are_rejects_and_the_others_go_on(put_clips):
    odd = [os.fsdecode(name) for name in (b"tea/caf\xe9.mp4", b"caf\xe9/a.mp4")]
    listing = list_folder(FolderConfig(root=put_clips("tea/good.mp4", *odd)))
    assert [video.video_id for video in listing.videos] == ["tea/good.mp4"]
    assert listing.classes == ("tea",)
    assert {(reject.video_id, reject.reason) for reject in listing.rejects} == {
        ("tea/caf\\xe9.mp4", NOT_UTF_8),
        ("caf\\xe9/a.mp4", NOT_UTF_8),
    }


def test_linked_folders_are_entered_but_never_in_circles(put_clips):
    root = put_clips("set/tea/a.mp4", "elsewhere/b.mp4", "elsewhere/deep/c.mp4") / "set"
    (root / "coffee").symlink_to(root.parent / "elsewhere")
    (root / "tea" / "up").symlink_to(root)
    listing = list_folder(FolderConfig(root=root))
    assert {video.video_id for video in listing.videos} == {
        "tea/a.mp4",
        "coffee/b.mp4",
        "coffee/deep/c.mp4",
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has no class folders"),
        (["loose.mp4"], "has no class folders"),
        (["tea/notes.txt"], r"has no videos inside class folders \(not taken for videos: 1 \.txt\)"),
        (["train/tea/a.mp4", "more/tea/b.mp4"], "has train/ and, beside it, videos in more"),
        (["Test/tea/a.mp4", "trainval/tea/b.mp4"], "has Test/ and, beside it, videos in trainval"),
        (
            ["tea/a.mp4", "testing/b.mp4", "Training/b.mp4"],
            "has Training/, testing/ and, beside it, videos in tea",
        ),
    ],
)
def test_unusable_folders(put_clips, names, message):
    root = put_clips(*names)
    with pytest.raises(ManifestError, match=message):
        list_folder(FolderConfig(root=root))


def test_no_folder(tmp_path):
    with pytest.raises(ManifestError, match="no such folder"):
        list_folder(FolderConfig(root=tmp_path / "gone"))


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_left_out(put_clips):
    """As where storage fails: what is in it would disappear without a word."""
    root = put_clips("tea/a.mp4", "coffee/a.mp4")
    # Too long a path to be opened as one; it is made step by step.
    here = os.open(root / "tea", os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    with pytest.raises(OSError, match="File name too long"):
        list_folder(FolderConfig(root=root))
