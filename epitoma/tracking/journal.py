"""A journal: what is to be sent to a tracking server, kept on disk first, with a mark of how much has been sent.

A server that is down loses nothing: what it has not got is sent when it is back.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any

from epitoma.files.atomic import write_text
from epitoma.files.uris import without_secrets

Line = dict[str, Any]
"""One entry as it is kept: always with an ``op`` (see :mod:`epitoma.tracking.entries`)."""

JOURNAL_FILE = "mlflow.jsonl"
MARK_FILE = "mlflow.json"

_SENT = "told"
"""Key of the number of lines sent; marks of earlier versions have it under this name."""


class Journal:
    """Lines in order, appended one by one, in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = _whole_lines(folder / JOURNAL_FILE)
        self._mark = _read(folder / MARK_FILE)

    def add(self, line: Line) -> None:
        """Append a line.

        Raises:
            OSError: There is no room for all of it; then none of it is kept.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        data = (json.dumps(line) + "\n").encode()
        with (self.folder / JOURNAL_FILE).open("ab", buffering=0) as file:
            whole = file.seek(0, os.SEEK_END)
            if file.write(data) < len(data):
                file.truncate(whole)  # Else the next line would go on in the middle of this one.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / JOURNAL_FILE))
        self.lines.append(line)

    def run_id(self, store: str) -> str | None:
        """The run that this folder has in a store, if it has one there; a store is known without its password."""
        known = self._mark.get("store")
        return self._mark["run_id"] if known and without_secrets(known) == without_secrets(store) else None

    def pending(self) -> list[Line]:
        """Lines that have not been sent."""
        return self.lines[self._mark.get(_SENT, 0) :]

    def begin(self, run_id: str, *, store: str) -> None:
        """Remember a new run in a store, to which nothing has been sent yet."""
        self._remember({"store": without_secrets(store), "run_id": run_id, _SENT: 0})

    def mark_sent(self) -> None:
        """Remember that one more line has been sent."""
        self._remember({**self._mark, _SENT: self._mark[_SENT] + 1})

    def _remember(self, mark: dict[str, Any]) -> None:
        write_text(self.folder / MARK_FILE, json.dumps(mark) + "\n")
        self._mark = mark


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _whole_lines(path: Path) -> list[Line]:
    """Lines of the file; a last one that a killed process left torn is cut off."""
    if not path.is_file():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [json.loads(line) for line in whole.splitlines()]
