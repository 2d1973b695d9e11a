"""Atomic writes: many writers at once, of one process and of several, and what is left when a block raises."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from epitoma.files.atomic import folder_when_whole, renamed_when_whole, write_text

WRITERS, WRITES = 12, 50


def test_no_write_of_many_threads_fails_or_is_torn(tmp_path):
    """Threads share a pid, as do the first processes of two containers."""
    file = tmp_path / "state.json"
    texts = [str(number) * 5000 for number in range(WRITERS)]

    def write(text: str) -> None:
        for _ in range(WRITES):
            write_text(file, text)
            assert file.read_text() in texts

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, texts))
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_no_folder_of_many_threads_fails_or_is_torn(tmp_path):
    folder = tmp_path / "model"

    def write(number: int) -> None:
        for _ in range(WRITES // 2):
            with folder_when_whole(folder) as aside:
                aside.mkdir()
                (aside / "one").write_text(str(number))
                (aside / "two").write_text(str(number))

    with ThreadPoolExecutor(WRITERS // 2) as threads:
        list(threads.map(write, range(WRITERS // 2)))
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    assert (folder / "one").read_text() == (folder / "two").read_text()


def test_what_was_there_stays_when_the_block_raises(tmp_path):
    write_text(tmp_path / "file.txt", "old")
    with folder_when_whole(tmp_path / "folder") as aside:
        aside.mkdir()
        (aside / "kept").write_text("old")
    for break_off in (half_a_file, half_a_folder):
        with pytest.raises(ValueError, match="no"):
            break_off(tmp_path)
    assert (tmp_path / "file.txt").read_text() == "old"
    assert (tmp_path / "folder" / "kept").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"file.txt", "folder"}


def half_a_file(place: Path) -> None:
    with renamed_when_whole(place / "file.txt") as aside:
        aside.write_text("half")
        raise ValueError("no")


def half_a_folder(place: Path) -> None:
    with folder_when_whole(place / "folder") as aside:
        aside.mkdir()
        raise ValueError("no")


def test_names_at_the_longest_that_a_file_system_takes_are_written(tmp_path):
    file: Path = tmp_path / f"{'n' * 250}.json"
    write_text(file, "{}")
    assert file.read_text() == "{}"
