"""Atomic writes: files and folders appear complete or not at all, also if the job is killed."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_IN_THE_WAY = (errno.ENOTEMPTY, errno.EEXIST)


@contextmanager
def renamed_when_whole(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside ``path`` to write to; it is renamed to ``path`` unless the block raises.

    The suffix is kept, because writers choose the format by it. A killed process leaves the hidden file behind, so list
    folders of parts with ``[!.]*``.
    """
    aside = _aside(path, suffix=path.suffix)
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, atomically; creates the folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed_when_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def folder_when_whole(folder: Path) -> Iterator[Path]:
    """Yield a hidden path beside ``folder`` to create a folder at; it replaces ``folder`` unless the block raises."""
    aside = _aside(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        while not _renamed(aside, folder):
            _put_away(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _aside(path: Path, *, suffix: str = "") -> Path:
    """A hidden name that no other thread, process or machine writes to: pids are equal in different containers."""
    return path.with_name(f".{uuid4().hex}{suffix}")


def _renamed(aside: Path, folder: Path) -> bool:
    """Rename a folder; False where another one, with files in it, has the name."""
    try:
        aside.replace(folder)
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        return False
    return True


def _put_away(folder: Path) -> None:
    """Remove a folder under another name, so that nobody sees half of it under its own."""
    old = _aside(folder)
    with suppress(FileNotFoundError):  # Another writer has put it away.
        folder.replace(old)
    shutil.rmtree(old, ignore_errors=True)
