"""Claims: one job at a time works on a folder, on whichever machine it runs.

A claim is a lock of the operating system, which ends with the process that holds it, also if that is killed or its
container is gone; a network file system takes back the locks of a machine that it has lost. So there are no stale
claims, and a file system without locks is refused.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from epitoma.core.errors import BusyError
from epitoma.files.atomic import write_text
from epitoma.files.locks import locked

LOCK_FILE = ".claim.lock"
HOLDER_FILE = ".claim.json"

_LOOKS_FOR_A_NAME, _LOOK_EVERY_SECONDS = 10, 0.1

_SAID = ("by", "host", "pid", "since")

_REMEDY = (
    "wait for its end, or choose another name or folder (a claim ends with its process; of a machine that is lost, "
    "as soon as the file system has noticed)"
)


@contextmanager
def claimed(folder: Path, *, by: str) -> Iterator[None]:
    """Work on a folder alone within the block; the folder is created.

    Args:
        folder: The folder.
        by: What claims it, such as ``train first``, for whoever comes second.

    Raises:
        BusyError: Another job holds it.
        RunError: The file system cannot lock files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE, limit_seconds=0) as is_ours:
        if not is_ours:
            raise BusyError(f"{folder} is in use by {holder(folder)}: {_REMEDY}")
        yield from _held(folder, by)


@contextmanager
def claimed_in_turn(folder: Path, *, by: str, wait: Callable[[str], None]) -> Iterator[None]:
    """Work on a folder alone within the block, after whoever holds it now.

    Args:
        folder: The folder; it is created.
        by: What claims it, for whoever comes after.
        wait: Called once with who holds it, if somebody does.

    Raises:
        RunError: The file system cannot lock files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE, limit_seconds=0) as is_ours:
        if is_ours:
            yield from _held(folder, by)
            return
    wait(f"{folder} is in use by {holder(folder)}: waiting for its end")
    with locked(folder / LOCK_FILE, limit_seconds=None):
        yield from _held(folder, by)


def holder(folder: Path) -> str:
    """Who holds a folder, as text: what, process, machine and since when."""
    for _ in range(_LOOKS_FOR_A_NAME):
        held = _said(folder)
        if held is not None:
            return "{by}, process {pid} on {host}, since {since}".format(**held)
        # It has the lock, and says its name next.
        time.sleep(_LOOK_EVERY_SECONDS)
    return "another job"


def _held(folder: Path, by: str) -> Iterator[None]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    mine: dict[str, str | int] = {"by": by, "host": socket.gethostname(), "pid": os.getpid(), "since": since}
    write_text(folder / HOLDER_FILE, json.dumps(mine) + "\n")
    try:
        yield
    finally:
        # Another's, if the file system has given the lock of a machine away that it had lost for a while.
        if _said(folder) == mine:
            (folder / HOLDER_FILE).unlink()


def _said(folder: Path) -> dict[str, str | int] | None:
    """What the holder of a folder says of itself; None if nothing is said, or nothing that can be understood."""
    try:
        said = json.loads((folder / HOLDER_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    is_whole = isinstance(said, dict) and all(isinstance(said.get(name), str | int) for name in _SAID)
    return said if is_whole else None
