"""Where a dataset is written that is made from files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.core.errors import ConfigError

PREPARE = "prepare"
"""What the claim on an output says, for whoever comes second."""


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Options of every dataset that is made from files.

    Attributes:
        output: Folder for manifest, index and rejects.
        allow: A further folder, or address such as s3://bucket/, in which videos may lie, for example behind links or
            paths in a table. Can be given several times.
    """

    output: Path
    allow: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()


def check_output(output: Path, *, source: Path) -> None:
    """Raise a ConfigError if the output lies inside the source, into which nothing is written."""
    if output.resolve().is_relative_to(source.resolve()):
        raise ConfigError(
            f"--output {output} lies inside {source}, which is only read: choose another folder"
        )
