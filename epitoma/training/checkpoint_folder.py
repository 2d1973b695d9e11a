"""CheckpointFolder: checkpoints of a run on shared storage, written atomically and ordered by their names."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from epitoma.files.presence import entries_of, is_folder
from epitoma.files.room import needing_room

NUM_KEPT = 2
"""Newest checkpoints that are kept."""

_NAME = re.compile(r"epoch_(\d{6})_step_(\d{9})")


class CheckpointFolder:
    """Checkpoints of one run, of which the newest two are kept.

    A checkpoint is written to a hidden folder, synchronised to disk and then renamed: a process or machine that fails
    in between leaves the earlier checkpoints intact.

    Args:
        path: Folder of the checkpoints; it is made when the first one is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, place: tuple[int, int], fill: Callable[[Path], None]) -> Path:
        """Write a checkpoint and remove those that are too old.

        Args:
            place: Epochs completed, and steps completed of the next epoch.
            fill: Writes the checkpoint into the folder it is given.

        Returns:
            Folder of the checkpoint.

        Raises:
            RunError: The disk is full; the earlier checkpoints are intact.
        """
        aside, final = self.path / f".aside_{uuid4().hex}", self.path / name_of(place)
        for torn in entries_of(self.path, ".aside_*"):
            # Left by a killed process: only one process writes at a time.
            shutil.rmtree(torn, ignore_errors=True)
        try:
            with needing_room(f"a checkpoint in {self.path}", kept="the earlier ones are whole"):
                aside.mkdir(parents=True)
                fill(aside)
                # Before the rename: the name must not reach the disk ahead of the content.
                _bring_to_disk(aside)
                shutil.rmtree(final, ignore_errors=True)
                aside.rename(final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        # The rename is an entry of the parent folder, which is synchronised before older checkpoints are deleted.
        _bring_to_disk(self.path)
        for older in self._all()[:-NUM_KEPT]:
            shutil.rmtree(older, ignore_errors=True)
        return final

    def newest(self) -> Path | None:
        """Checkpoint that is farthest in the run; None where there is none."""
        return next(reversed(self._all()), None)

    def _all(self) -> list[Path]:
        return [place for place in entries_of(self.path, "epoch_*") if _NAME.fullmatch(place.name)]


def name_of(place: tuple[int, int]) -> str:
    """Name of a checkpoint; names sort by epoch and step, since both are padded with zeros."""
    epoch, step = place
    return f"epoch_{epoch:06d}_step_{step:09d}"


def _bring_to_disk(folder: Path) -> None:
    """Synchronise the files of a folder, and its own entries, to disk (fsync)."""
    for path in (*entries_of(folder), folder):
        if is_folder(path) and path != folder:
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
