"""Finished trainings of a benchmark, which are not done again: by what was asked, and by the code that did it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import epitoma
from epitoma.files.json_files import write_json

RowType = TypeVar("RowType")

CODE = (Path(epitoma.__file__).parent, Path(__file__).parent)
"""The package's own code, and that of benchmarks."""


def finished(work: Path, *asked: object) -> Path:
    """Folder of finished trainings, which is another one where the code is: what it made before says nothing of it."""
    files = [(root, file) for root in CODE for file in sorted(root.rglob("*.py"))]
    code = [
        [file.relative_to(root).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
        for root, file in files
    ]
    return work / "trainings" / digest([code, *asked])


def digest(values: object) -> str:
    """Short name of what was asked for, under which a finished training is kept."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def once(file: Path, row_type: type[RowType], make: Callable[[], Sequence[Any]]) -> list[RowType]:
    """Rows of a training, which is done where ``file`` does not have them; their fields are numbers and texts."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, [asdict(row) for row in make()])
    return [row_type(**row) for row in json.loads(file.read_text())]
