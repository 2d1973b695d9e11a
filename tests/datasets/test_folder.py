from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.datasets.folder import draw_splits, scan_folder
from epitoma.datasets.manifest import VideoRow, read_manifest, write_manifest
from epitoma.errors import ConfigError, ManifestError

SHARES = {"validation_share": 0.2, "test_share": 0.2, "seed": 7}


def undrawn(count: int, label: str = "tea") -> list[VideoRow]:
    return [
        VideoRow(
            video_id=f"{label}/{i}.mp4",
            path=f"/{label}/{i}.mp4",
            split="",
            labels=(label,),
            duration_seconds=1.0,
            fps=8.0,
            frame_count=8,
        )
        for i in range(count)
    ]


def test_a_folder_a_class(put_clips):
    root = put_clips(
        "tea/a.mp4", "tea/deep/er/b.MP4", "tea/c.mp4", "coffee/a.mp4", ".hidden/x.mp4", "tea/.y.mp4"
    )
    (root / "tea/notes.txt").write_text("no video")
    rows, rejects = scan_folder(root, **SHARES)
    assert rejects == []
    assert {row.video_id: row.labels for row in rows} == {
        "coffee/a.mp4": ("coffee",),
        "tea/a.mp4": ("tea",),
        "tea/c.mp4": ("tea",),
        "tea/deep/er/b.MP4": ("tea",),
    }
    assert {(row.frame_count, row.fps, row.duration_seconds) for row in rows} == {(16, 8.0, 2.0)}
    assert [row.split for row in rows if row.labels == ("coffee",)] == ["train"]
    assert {row.split for row in rows if row.labels == ("tea",)} == {"train", "validation", "test"}
    write_manifest(root / "set.parquet", rows, classes=("coffee", "tea"), multi_label=False)
    assert len(read_manifest(root / "set.parquet")) == 4


def test_split_folders_are_the_splits(put_clips):
    root = put_clips("train/tea/a.mp4", "val/tea/a.mp4", "valid/tea/b.mp4", "test/coffee/sub/a.mp4")
    rows, _ = scan_folder(root, **SHARES)
    assert {(row.video_id, row.split, row.labels[0]) for row in rows} == {
        ("train/tea/a.mp4", "train", "tea"),
        ("val/tea/a.mp4", "validation", "tea"),
        ("valid/tea/b.mp4", "validation", "tea"),
        ("test/coffee/sub/a.mp4", "test", "coffee"),
    }


def test_bad_videos_become_rejects(put_clips):
    root = put_clips("tea/good.mp4", "loose.mp4")
    (root / "tea/empty.mp4").touch()
    (root / "tea/garbage.avi").write_bytes(bytes(range(256)) * 20)
    rows, rejects = scan_folder(root, **SHARES)
    assert [row.video_id for row in rows] == ["tea/good.mp4"]
    assert {reject.video_id: reject.reason.split(" (")[0] for reject in rejects} == {
        "loose.mp4": "is not inside a class folder",
        "tea/empty.mp4": "the file is empty",
        "tea/garbage.avi": "cannot be read as a video",
    }
    assert {reject.path for reject in rejects} == {str(root / reject.video_id) for reject in rejects}


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
        scan_folder(root, **SHARES)


def test_no_folder_and_no_good_video(tmp_path):
    with pytest.raises(ManifestError, match="no such folder"):
        scan_folder(tmp_path / "gone", **SHARES)
    (tmp_path / "tea").mkdir()
    (tmp_path / "tea/empty.mp4").touch()
    with pytest.raises(ManifestError, match=r"none of 1 videos can be used \(first: .*the file is empty\)"):
        scan_folder(tmp_path, **SHARES)


def test_shares_leave_something_to_train_on(tmp_path):
    with pytest.raises(ConfigError, match=r"shares 0\.5 and 0\.5"):
        scan_folder(tmp_path, validation_share=0.5, test_share=0.5, seed=0)


@given(
    count=st.integers(1, 40),
    validation=st.floats(0.01, 0.4),
    test=st.floats(0.01, 0.4),
    seed=st.integers(0, 9),
)
def test_splits_of_a_class(count, validation, test, seed):
    rows = draw_splits(undrawn(count), validation_share=validation, test_share=test, seed=seed)
    sizes = Counter(row.split for row in rows)
    assert sizes["train"] >= 1
    assert len(sizes) == min(count, 3)
    if count >= 10:
        assert abs(sizes["test"] - count * test) <= 1
        assert abs(sizes["validation"] - count * validation) <= 1


def test_splits_depend_on_ids_and_seed_only():
    def splits(rows: list[VideoRow], seed: int) -> dict[str, str]:
        drawn = draw_splits(rows, validation_share=0.3, test_share=0.3, seed=seed)
        return {row.video_id: row.split for row in drawn}

    tea, coffee = undrawn(12), undrawn(9, "coffee")
    assert splits(tea + coffee, 1) == splits(coffee[::-1] + tea[::-1], 1)
    assert splits(tea, 1).items() <= splits(tea + coffee, 1).items()
    assert splits(tea, 1) != splits(tea, 2)


def test_a_share_of_nothing_makes_no_split():
    rows = draw_splits(undrawn(5), validation_share=0, test_share=0, seed=0)
    assert {row.split for row in rows} == {"train"}
