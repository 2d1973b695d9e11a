"""What is there, what is not, and what nobody can tell since storage fails."""

import errno
import os
from pathlib import Path

import pytest

from epitoma.files.presence import entries_of, is_file, is_folder, is_there, status_of
from tests.lost_storage import lost_storage

ASKED = (status_of, is_there, is_file, is_folder)


@pytest.mark.parametrize("as_type", [str, Path])
def test_files_and_folders_are_told_by_what_they_are(tmp_path: Path, as_type):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "up").symlink_to(tmp_path)
    names = ("file", "pipe", "link", "up")
    found = {
        name: [ask(as_type(tmp_path / name)) for ask in (is_there, is_file, is_folder)] for name in names
    }
    assert found == {
        "file": [True, True, False],
        "pipe": [True, False, False],
        "link": [True, True, False],
        "up": [True, False, True],
    }
    assert status_of(as_type(tmp_path / "link")).st_ino == (tmp_path / "file").stat().st_ino


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    "name", ["none", "none/a", "file/a", "broken", "loop", "loop/a", "a\0b", "\ud800", ""]
)
def test_absence_is_no_error(tmp_path: Path, monkeypatch, ask, name):
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    assert not ask(name)


@pytest.mark.parametrize("ask", ASKED)
def test_what_cannot_be_asked_is_an_error(tmp_path: Path, ask):
    with pytest.raises(OSError, match="File name too long") as told:
        ask(tmp_path / ("a" * 300))
    assert told.value.errno == errno.ENAMETOOLONG


def test_lost_storage_is_not_taken_for_absence(tmp_path: Path):
    with lost_storage(tmp_path / "away") as folder:
        assert not os.path.exists(folder)
        for ask in ASKED:
            for path in (folder, folder / "a.mp4", str(folder / "deep" / "a.mp4")):
                with pytest.raises(OSError, match="not connected") as told:
                    ask(path)
                assert (told.value.errno, str(told.value.filename)) == (errno.ENOTCONN, str(path))


def test_a_folder_is_listed_by_a_pattern(tmp_path: Path):
    for name in ("b.parquet", "a.parquet", ".hidden.parquet", "B.PARQUET", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in entries_of(tmp_path, "[!.]*.parquet")] == ["a.parquet", "b.parquet"]
    assert len(entries_of(tmp_path)) == 5
    assert entries_of(tmp_path / "none") == entries_of(tmp_path / "notes.txt") == []


def test_a_folder_on_lost_storage_is_not_taken_for_an_empty_one(tmp_path: Path):
    with lost_storage(tmp_path / "away") as folder, pytest.raises(OSError, match="not connected"):
        entries_of(folder)
