"""However it is found out, a file is missing if and only if nothing can be opened at its path."""

import os
from pathlib import Path

import pytest

from epitoma.datasets.present_files import missing_files
from tests.lost_storage import lost_storage


@pytest.mark.parametrize("count", [3, 200], ids=["asked for one by one", "folder listed"])
def test_missing_is_what_the_file_system_says(tmp_path: Path, count):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(0, count, 2):
        (folder / f"{number}.mp4").touch()
    (folder / "leads.mp4").symlink_to(folder / "0.mp4")
    (folder / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    (tmp_path / "other name").symlink_to(folder)
    names = [
        *(f"{number}.mp4" for number in range(count)),
        "leads.mp4",
        "broken.mp4",
        "",
        "..",
        "../videos/0.mp4",
    ]
    paths = [
        f"{place}/{name}" for place in (folder, tmp_path / "other name", tmp_path / "none") for name in names
    ]
    assert missing_files(paths).tolist() == [not os.path.exists(path) for path in paths]


def test_addresses_are_left_to_whoever_opens_them():
    assert not missing_files(["s3://bucket/a.mp4", "https://host/b.mp4"]).any()


@pytest.mark.parametrize("count", [1, 200], ids=["asked for one by one", "folder listed"])
def test_storage_that_fails_is_not_taken_for_one_without_videos(tmp_path: Path, count):
    with lost_storage(tmp_path / "away") as folder, pytest.raises(OSError, match="not connected"):
        missing_files([f"{folder}/{number}.mp4" for number in range(count)])
