"""Entries of a run's journal: what a run logs, as the recorder makes it and the sender sends it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dacite

from epitoma.tracking.journal import Line, lost_entry

Measurement = tuple[str, float, int]
"""A metric's name, value and step."""


@dataclass(frozen=True)
class Params:
    """What the run was asked to do."""

    params: dict[str, str]


@dataclass(frozen=True)
class Metrics:
    """Measurements, all at a time in milliseconds."""

    metrics: list[Measurement]
    time: int


@dataclass(frozen=True)
class Tags:
    """Tags by name."""

    tags: dict[str, str]


@dataclass(frozen=True)
class Note:
    """The run's description, in which RUN_LINK stands for links to other runs."""

    markdown: str


RUN_LINK = re.compile(r"\[([^\]]+)\]\(run:([^)]+)\)")
"""Name and quoted folder of a run, as :func:`link_to_run` writes them."""


def link_to_run(name: str, folder: Path) -> str:
    """A link to the run of a folder, for a note; the sender puts MLflow's own in its place."""
    return f"[{name}](run:{quote(str(folder.resolve()))})"


@dataclass(frozen=True)
class Artifact:
    """A file, or a folder with all it holds, for a folder of the run's artifacts."""

    path: str
    folder: str | None


@dataclass(frozen=True)
class Register:
    """A registered model's next version, which lies in a folder of the run's artifacts."""

    name: str
    folder: str


@dataclass(frozen=True)
class Table:
    """A table's ``columns`` and ``data``."""

    name: str
    table: dict[str, Any]


@dataclass(frozen=True)
class Status:
    """RUNNING, FINISHED, FAILED or KILLED, since a time in milliseconds."""

    status: str
    time: int


Batch = Params | Metrics | Tags
"""Entries that MLflow takes in one call each."""

Entry = Batch | Note | Artifact | Register | Table | Status

# Names of these and of their fields are those of the lines on disk: journals of earlier versions must still be read.
_KINDS: dict[str, type[Entry]] = {
    "params": Params,
    "metrics": Metrics,
    "tags": Tags,
    "note": Note,
    "artifact": Artifact,
    "register": Register,
    "table": Table,
    "status": Status,
}
_OPS = {kind: op for op, kind in _KINDS.items()}

_RULES = dacite.Config(cast=[tuple])  # JSON has lists in their place.


def to_line(entry: Entry) -> Line:
    """An entry as the journal keeps it."""
    return {"op": _OPS[type(entry)], **vars(entry)}


def from_line(line: Line) -> Entry:
    """The entry that a line of a journal holds; for one that holds none, which ends no job, a tag that says so."""
    try:
        return dacite.from_dict(_KINDS[line["op"]], line, config=_RULES)
    except (KeyError, dacite.DaciteError):
        return from_line(lost_entry(line))
