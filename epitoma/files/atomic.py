"""Files that appear whole or not at all, so that a killed job leaves nothing that looks finished."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def renamed_when_whole(path: Path) -> Iterator[Path]:
    """Give a hidden path beside ``path`` to write to; it takes the name of ``path`` unless an error is raised.

    The suffix is kept, because writers choose the format by it. A process that is killed leaves the hidden file:
    folders of parts are listed with ``[!.]*``.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed_when_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def folder_when_whole(folder: Path) -> Iterator[Path]:
    """Give a hidden path beside ``folder`` to make a folder at; it takes that one's place unless an error is raised."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        if folder.exists():
            shutil.rmtree(folder)
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
