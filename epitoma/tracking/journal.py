"""A journal: what is to be told to a tracking server, kept on disk first, with a mark of how much has been told.

A server that is down loses nothing: what it has not heard is sent when it is back.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any

from epitoma.files.atomic import write_text
from epitoma.files.uris import without_secrets

Entry = dict[str, Any]
"""One thing to tell: always with an ``op``."""

JOURNAL_FILE = "mlflow.jsonl"
MARK_FILE = "mlflow.json"


class Journal:
    """Entries in order, appended line by line, in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries = _whole_lines(folder / JOURNAL_FILE)
        self._mark = _read(folder / MARK_FILE)

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = (json.dumps(entry) + "\n").encode()
        with (self.folder / JOURNAL_FILE).open("ab", buffering=0) as file:
            whole = file.seek(0, os.SEEK_END)
            if file.write(line) < len(line):
                file.truncate(whole)  # Else the next entry would go on in the middle of this one.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / JOURNAL_FILE))
        self.entries.append(entry)

    def run_id(self, store: str) -> str | None:
        """The run that this folder has in a store, if it has one there; a store is known without its password."""
        known = self._mark.get("store")
        return self._mark["run_id"] if known and without_secrets(known) == without_secrets(store) else None

    def pending(self) -> list[Entry]:
        """What the store has not heard."""
        return self.entries[self._mark.get("told", 0) :]

    def begin(self, run_id: str, *, store: str) -> None:
        """A new run in a store, which has heard nothing yet."""
        self._remember({"store": without_secrets(store), "run_id": run_id, "told": 0})

    def mark_sent(self) -> None:
        """The store has heard one more entry."""
        self._remember({**self._mark, "told": self._mark["told"] + 1})

    def _remember(self, mark: dict[str, Any]) -> None:
        write_text(self.folder / MARK_FILE, json.dumps(mark) + "\n")
        self._mark = mark


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _whole_lines(path: Path) -> list[Entry]:
    """Entries of the file; a last line that a killed process left torn is cut off."""
    if not path.is_file():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [json.loads(line) for line in whole.splitlines()]
