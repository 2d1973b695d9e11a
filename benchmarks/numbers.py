"""What a benchmark that gives named numbers does with them."""

from collections.abc import Mapping
from pathlib import Path

from epitoma.files.json_files import write_json
from epitoma.reporting.console import say


def told_and_kept(numbers: Mapping[str, float], json: Path | None) -> None:
    """Print every number, and write them to a file if there is to be one."""
    for name, value in numbers.items():
        say(f"{name:<32}{value:12.3f}")
    if json is not None:
        write_json(json, dict(numbers))
