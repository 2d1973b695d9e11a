"""Clips are checked whole, copies are found, and nothing is lost without a reason."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from epitoma.core.errors import ManifestError
from epitoma.datasets.clips import Clip, check_clip, list_clips, without_copies, write_clips
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import SplitsConfig
from epitoma.video.compose import write_video


def listed(path) -> ListedVideo:
    return ListedVideo(video_id=f"tea/{path.name}", path=str(path), labels=("tea",), split="test")


def test_a_good_clip(clip):
    checked = check_clip(listed(clip), fps=12, longest_seconds=60)
    assert isinstance(checked, Clip)
    assert (checked.clip_id, checked.path, checked.label) == ("tea/clip.mp4", str(clip), "tea")
    assert checked.split == "test"
    assert checked.duration_seconds == pytest.approx(2.0)


def test_a_clip_that_is_no_clip(clip):
    checked = check_clip(listed(clip), fps=12, longest_seconds=2.0)
    assert isinstance(checked, Reject)
    assert checked.reason == "lasts 2.0 s, a clip must be below 2 s"


def test_a_clip_that_breaks_after_its_start(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "broken.mp4"
    write_video(path, (rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(40)), fps=8, gop=5)
    size = path.stat().st_size
    content = bytearray(path.read_bytes())
    content[size // 2 : size * 3 // 4] = bytes(size * 3 // 4 - size // 2)
    path.write_bytes(bytes(content))
    checked = check_clip(listed(path), fps=8, longest_seconds=60)
    assert isinstance(checked, Reject)
    assert checked.path == str(path)
    assert checked.reason


def test_copies_are_rejects_that_name_the_original(clip, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    checked = [check_clip(listed(path), fps=12, longest_seconds=60) for path in (clip, copy)]
    kept, rejects = without_copies(checked)
    assert kept == checked[:1]
    assert rejects == [Reject("tea/copy.mp4", str(copy), "is a copy of tea/clip.mp4")]


def test_clips_are_listed_with_splits(put_clips):
    root = put_clips(*(f"{name}/{i}.mp4" for name in ("tea", "nothing") for i in range(5)))
    listing = list_clips(root, SplitsConfig(validation_share=0.2, test_share=0.3))
    assert listing.classes == ("nothing", "tea")
    assert {video.split for video in listing.videos} == {"train", "validation", "test"}


def test_an_empty_class_is_an_error(put_clips):
    root = put_clips("tea/a.mp4", "nothing/a.mp4")
    (root / "coffee").mkdir()
    with pytest.raises(ManifestError, match="no clips in coffee; add some, or remove the folder"):
        list_clips(root, SplitsConfig())


def test_which_clip_feeds_which_split_is_written(clip, tmp_path):
    checked = check_clip(listed(clip), fps=12, longest_seconds=60)
    write_clips(tmp_path / "clips.parquet", [checked])
    (row,) = pq.read_table(tmp_path / "clips.parquet").to_pylist()
    assert row == vars(checked)
    assert [path.name for path in tmp_path.iterdir()] == ["clips.parquet"]
