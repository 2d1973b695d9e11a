"""Atomic writes: files and folders appear complete or not at all, also if the job is killed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def renamed_when_whole(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside ``path`` to write to; it is renamed to ``path`` unless the block raises.

    The suffix is kept, because writers choose the format by it. A killed process leaves the hidden file behind, so list
    folders of parts with ``[!.]*``.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
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
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        if folder.exists():
            shutil.rmtree(folder)
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
