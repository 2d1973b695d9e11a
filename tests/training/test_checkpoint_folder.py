"""Checkpoints are whole or not there, whatever stops their being written."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from epitoma.core.errors import StorageError
from epitoma.training.checkpoint_folder import CheckpointFolder, name_of


def content(text: str):
    return lambda folder: (folder / "state").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def test_the_newest_is_the_farthest_and_only_a_few_are_kept(tmp_path):
    checkpoints = CheckpointFolder(tmp_path / "checkpoints")
    assert checkpoints.newest() is None
    for place in [(0, 3), (0, 12), (1, 0), (1, 3)]:
        checkpoints.write(place, content(str(place)))
    assert checkpoints.newest() == tmp_path / "checkpoints" / name_of((1, 3))
    assert (checkpoints.newest() / "state").read_text() == "(1, 3)"
    assert names(tmp_path / "checkpoints") == [name_of((1, 0)), name_of((1, 3))]


def test_a_place_that_is_reached_again_takes_the_place_of_the_earlier(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)
    for text in ("first", "second"):
        checkpoints.write((2, 0), content(text))
    assert (checkpoints.newest() / "state").read_text() == "second"


def test_one_that_cannot_be_written_leaves_the_earlier_ones_and_nothing_else(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.write((1, 0), content("good"))

    def torn(folder: Path) -> None:
        (folder / "state").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"no room for a checkpoint in .*No space left.*--resume"):
        checkpoints.write((2, 0), torn)
    assert names(tmp_path) == [name_of((1, 0))]


def test_what_else_goes_wrong_with_a_disk_is_not_taken_for_a_full_one(tmp_path):
    def broken(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        CheckpointFolder(tmp_path).write((1, 0), broken)


def test_a_process_that_is_killed_while_it_writes_leaves_the_earlier_one_the_newest(tmp_path):
    code = (
        "import os, signal; from pathlib import Path\n"
        "from epitoma.training.checkpoint_folder import CheckpointFolder\n"
        "def half(folder): (folder / 'state').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        f"folder = CheckpointFolder(Path({str(tmp_path)!r}))\n"
        "folder.write((1, 0), lambda place: (place / 'state').write_text('good'))\n"
        "folder.write((2, 0), half)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    checkpoints = CheckpointFolder(tmp_path)
    assert (checkpoints.newest() / "state").read_text() == "good"
    checkpoints.write((2, 0), content("whole"))
    assert names(tmp_path) == [name_of((1, 0)), name_of((2, 0))], "what was torn does not fill the disk"
