"""A journal: what is to be sent to a tracking server, kept on disk first, with a mark of how much has been sent.

A server that is down loses nothing: what it has not got is sent when it is back. Several processes may write to one
journal, such as a training job and an evaluation of its model: each adds whole lines, and one at a time sends them.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from epitoma.files.atomic import write_text
from epitoma.files.locks import locked
from epitoma.files.presence import is_file
from epitoma.files.uris import without_secrets

Line = dict[str, Any]
"""One entry as it is kept: always with an ``op`` (see :mod:`epitoma.tracking.entries`)."""

JOURNAL_FILE = "mlflow.jsonl"
MARK_FILE = "mlflow.json"
WRITING_LOCK, SENDING_LOCK = ".mlflow.lock", ".mlflow.sending.lock"

LOST_TAG = "epitoma.lost_record"
"""Tag of a run of which a record was lost: its writer was killed in the middle of it, or nobody understands it."""

_MOST_SHOWN = 200
"""Characters of a line that was lost that are told."""

WRITING_LIMIT_SECONDS = 10.0
"""How long to wait for other writers, each of which adds a line: one that holds on longer has been stopped."""

_SENT = "told"
"""Key of the number of lines sent; marks of earlier versions have it under this name."""

_REFUSED = "refused"
"""Key of the numbers of lines before that which the store refused."""


class Journal:
    """Lines in order, appended one by one, in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[Line] = []
        self._read_bytes = 0
        self._mark: dict[str, Any] = {}
        self._patience_seconds = WRITING_LIMIT_SECONDS
        self.refresh()

    def add(self, line: Line) -> None:
        """Append a line.

        Raises:
            OSError: There is no room for all of it; then none of it is kept.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        data = (json.dumps(line) + "\n").encode()
        with self._alone() as is_alone:
            with self._file.open("a+b", buffering=0) as file:
                whole = file.seek(0, os.SEEK_END)
                if _is_torn(file, whole):
                    data = b"\n" + data  # A writer without the lock has been killed here, or is not yet done.
                if file.write(data) < len(data):
                    if is_alone:
                        file.truncate(whole)  # Else the next line would go on in the middle of this one.
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
            self._catch_up(is_alone=is_alone)

    def refresh(self) -> None:
        """Read what other processes have added and sent."""
        if is_file(self._file):
            with self._alone():
                pass
        self._mark = _read_mark(self.folder)

    @contextmanager
    def sending(self, *, limit_seconds: float = 0.0) -> Iterator[bool]:
        """Be the one process that sends, for the block; yields whether this one is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / SENDING_LOCK, limit_seconds=limit_seconds) as is_ours:
            if is_ours:
                self.refresh()
            yield is_ours

    def run_id(self, store: str) -> str | None:
        """The run that this folder has in a store, if it has one there; a store is known without its password."""
        return _run_id(self._mark, store)

    def pending(self) -> list[Line]:
        """Lines that the store has not got."""
        return [self.lines[number] for number in (*self.refused, *self.unsent)]

    @property
    def unsent(self) -> range:
        """Numbers of the lines that have not been sent."""
        return range(self._mark.get(_SENT, 0), len(self.lines))

    @property
    def refused(self) -> list[int]:
        """Numbers of the lines that the store refused."""
        return self._mark.get(_REFUSED, [])

    def begin(self, run_id: str, *, store: str) -> None:
        """Remember a new run in a store, to which nothing has been sent yet."""
        self._remember({"store": without_secrets(store), "run_id": run_id, _SENT: 0})

    def mark_sent(self, number: int | None = None, *, refused: bool = False) -> None:
        """Remember that a line has been sent, the first one that was not unless another is given.

        Args:
            number: Of the line.
            refused: The store refused it, and may be asked again.
        """
        line = self._mark[_SENT] if number is None else number
        others = [each for each in self.refused if each != line]
        mark = {**self._mark, _SENT: max(self._mark[_SENT], line + 1)}
        mark.pop(_REFUSED, None)
        left = sorted([*others, line]) if refused else others
        self._remember({**mark, _REFUSED: left} if left else mark)

    @property
    def _file(self) -> Path:
        return self.folder / JOURNAL_FILE

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Be the one process that writes, for the block, having read what others have added; yields whether it is.

        One that does not let go is not waited for twice: lines are added whole without the lock too, and all that it
        saves is the next line after one that is torn.
        """
        with locked(self.folder / WRITING_LOCK, limit_seconds=self._patience_seconds) as is_ours:
            self._patience_seconds = WRITING_LIMIT_SECONDS if is_ours else 0.0
            self._catch_up(is_alone=is_ours)
            yield is_ours

    def _catch_up(self, *, is_alone: bool) -> None:
        """Read lines that other processes have added; a last one that a killed process left torn is cut off."""
        if not is_file(self._file):
            return
        with self._file.open("r+b") as file:
            file.seek(self._read_bytes)
            added = file.read()
            whole = added[: added.rfind(b"\n") + 1]
            self.lines += [self._parsed(line) for line in whole.splitlines()]
            self._read_bytes += len(whole)
            if whole != added and is_alone:
                file.truncate(self._read_bytes)

    def _parsed(self, line: bytes) -> Line:
        """A line; for one that is torn or is no entry, which ends no job, a tag that says so, in its place."""
        try:
            parsed = json.loads(line)
        except ValueError:
            return _lost(f"a torn line of {JOURNAL_FILE}", line.decode(errors="replace"))
        is_line = isinstance(parsed, dict) and isinstance(parsed.get("op"), str)
        return parsed if is_line else lost_entry(parsed)

    def _remember(self, mark: dict[str, Any]) -> None:
        write_text(self.folder / MARK_FILE, json.dumps(mark) + "\n")
        self._mark = mark


def _is_torn(file: BinaryIO, end: int) -> bool:
    """Whether a file does not end with a whole line."""
    if not end:
        return False
    file.seek(end - 1)
    return file.read(1) != b"\n"


def lost_entry(line: object) -> Line:
    """A tag in place of a line that holds no entry, as one of a later version does, or of a person's hand."""
    return _lost(f"a line of {JOURNAL_FILE} that is no entry", json.dumps(line))


def _lost(what: str, text: str) -> Line:
    return {"op": "tags", "tags": {LOST_TAG: f"{what}: {text[:_MOST_SHOWN]}"}}


def known_run(folder: Path, store: str) -> str | None:
    """The run that a folder has in a store, if it has one there."""
    return _run_id(_read_mark(folder), store)


def _run_id(mark: dict[str, Any], store: str) -> str | None:
    known = mark.get("store")
    return mark["run_id"] if known and without_secrets(known) == without_secrets(store) else None


def _read_mark(folder: Path) -> dict[str, Any]:
    path = folder / MARK_FILE
    try:
        mark = json.loads(path.read_text()) if is_file(path) else {}
    except ValueError:
        mark = None
    # Else as where there is none: the run is made in the store anew, and gets all of the journal.
    return mark if _is_mark(mark) else {}


def _is_mark(mark: Any) -> TypeGuard[dict[str, Any]]:
    if not isinstance(mark, dict) or not all(isinstance(mark.get(name), str) for name in ("store", "run_id")):
        return False
    refused = mark.get(_REFUSED, [])
    return isinstance(refused, list) and all(
        isinstance(number, int) for number in (mark.get(_SENT), *refused)
    )
