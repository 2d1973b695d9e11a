"""JSON files, such as configs and histories: written atomically, and read with errors that name the file."""

import json
from pathlib import Path
from typing import Any

from epitoma.core.errors import RunError
from epitoma.files.atomic import write_text
from epitoma.files.presence import is_file


def write_json(path: Path, values: object) -> None:
    """Write a JSON file, atomically."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read the values of a JSON file by their names.

    Raises:
        RunError: The file is missing, is not JSON, or holds something else than values by name.
    """
    require(path)
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise RunError(f"{path} holds no values by name")
    return values


def require(path: Path) -> None:
    """Check that a file of a run exists.

    Raises:
        RunError: The file is missing.
    """
    if not is_file(path):
        raise RunError(f"no {path.name} in {path.parent}: the run does not exist or has not finished")
