"""A run's checkpoints on storage that all its workers share: each whole or not there, the newest found by its name."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from epitoma.core.errors import NO_ROOM, RunError

NUM_KEPT = 2
_NAME = re.compile(r"epoch_(\d{6})_step_(\d{9})")


class CheckpointFolder:
    """Checkpoints of one run, of which the newest few are kept.

    A checkpoint is written aside, brought to the disk, and then renamed: whatever dies on the way leaves the
    earlier ones as they were.

    Args:
        path: Where they lie; made when the first is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, place: tuple[int, int], fill: Callable[[Path], None]) -> Path:
        """Keep a checkpoint.

        Args:
            place: Epochs that are done, and steps of the next one.
            fill: Writes into the folder it is given.

        Raises:
            RunError: There is no room; the earlier checkpoints are as they were.
        """
        aside, final = self.path / f".aside_{uuid4().hex}", self.path / name_of(place)
        for torn in self.path.glob(".aside_*"):
            shutil.rmtree(
                torn, ignore_errors=True
            )  # Of a process that was killed: there is one writer at a time.
        try:
            aside.mkdir(parents=True)
            fill(aside)
            _bring_to_disk(aside)
            shutil.rmtree(final, ignore_errors=True)
            aside.rename(final)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise RunError(
                f"no room for a checkpoint in {self.path} ({error.strerror}): the earlier ones are whole; "
                "make room and go on with --resume"
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _bring_to_disk(self.path)
        for older in self._all()[:-NUM_KEPT]:
            shutil.rmtree(older, ignore_errors=True)
        return final

    def newest(self) -> Path | None:
        """The checkpoint that is farthest in the run; None where there is none."""
        return next(reversed(self._all()), None)

    def _all(self) -> list[Path]:
        return sorted(place for place in self.path.glob("epoch_*") if _NAME.fullmatch(place.name))


def name_of(place: tuple[int, int]) -> str:
    """The name of a checkpoint; names sort as places do."""
    epoch, step = place
    return f"epoch_{epoch:06d}_step_{step:09d}"


def _bring_to_disk(folder: Path) -> None:
    for path in (*folder.glob("*"), folder):
        if path.is_dir() and path != folder:
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
