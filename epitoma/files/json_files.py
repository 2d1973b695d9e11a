"""JSON files, such as configs and histories: written whole, and read with errors that name the file."""

import json
from pathlib import Path
from typing import Any

from epitoma.core.errors import RunError
from epitoma.files.atomic import write_text


def write_json(path: Path, values: object) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file.

    Raises:
        RunError: There is none, or it is not JSON.
    """
    require(path)
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error


def require(path: Path) -> None:
    """Refuse a file of a run that is not there.

    Raises:
        RunError: It is missing.
    """
    if not path.is_file():
        raise RunError(f"no {path.name} in {path.parent}: the run does not exist or has not finished")
