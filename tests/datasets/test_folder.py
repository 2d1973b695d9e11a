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
    listing = list_folder(FolderConfig(root=root))
    assert listing.rejects == ()
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
        (["tea/notes.txt"], "has no videos .* inside class folders"),
        (["train/tea/a.mp4", "more/tea/b.mp4"], "has train/ and, beside it, videos in more"),
    ],
)
def test_unusable_folders(put_clips, names, message):
    root = put_clips(*names)
    with pytest.raises(ManifestError, match=message):
        list_folder(FolderConfig(root=root))


def test_no_folder(tmp_path):
    with pytest.raises(ManifestError, match="no such folder"):
        list_folder(FolderConfig(root=tmp_path / "gone"))
