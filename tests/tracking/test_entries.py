"""Lines on disk stay as they are, so that journals of earlier versions can be read."""

import json
from pathlib import Path

import pytest

from epitoma.tracking.entries import (
    Artifact,
    Entry,
    Metrics,
    Note,
    Params,
    Register,
    Status,
    Table,
    Tags,
    from_line,
    to_line,
)
from epitoma.tracking.journal import JOURNAL_FILE, LOST_TAG, Journal


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (Params({"a": "1"}), '{"op": "params", "params": {"a": "1"}}'),
        (Metrics([("m", 0.5, 3)], 7), '{"op": "metrics", "metrics": [["m", 0.5, 3]], "time": 7}'),
        (Tags({"a": "b"}), '{"op": "tags", "tags": {"a": "b"}}'),
        (Note("text"), '{"op": "note", "markdown": "text"}'),
        (Artifact("/a.png", None), '{"op": "artifact", "path": "/a.png", "folder": null}'),
        (Register("kitchen", "model"), '{"op": "register", "name": "kitchen", "folder": "model"}'),
        (
            Table("points", {"columns": ["a"], "data": [[1]]}),
            '{"op": "table", "name": "points", "table": {"columns": ["a"], "data": [[1]]}}',
        ),
        (Status("RUNNING", 7), '{"op": "status", "status": "RUNNING", "time": 7}'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_entry_is_kept_as_it_always_was(entry: Entry, line: str):
    assert json.dumps(to_line(entry)) == line
    again = from_line(json.loads(line))
    assert type(again) is type(entry)
    assert json.dumps(to_line(again)) == line


NO_ENTRIES = (
    *("null", "[]", "{}", "1", '"op"', '{"op": null}', '{"op": []}', '{"op": "unheard of", "x": 1}'),
    *(
        '{"op": "status"}',
        '{"op": "status", "status": 1, "time": 7}',
        '{"op": "status", "status": "RUNNING"}',
    ),
    *('{"op": "params", "params": ["a"]}', '{"op": "metrics", "metrics": null, "time": 7}'),
    *(
        '{"op": "metrics", "metrics": [["m", 0.5]], "time": 7}',
        '{"op": "artifact", "path": null, "folder": null}',
    ),
    *('{"op": "table", "name": "points", "table": []}', '{"op": "tags", "tags": "a"}', '{"op": "note"}'),
)


@pytest.mark.parametrize("line", NO_ENTRIES)
def test_a_line_that_is_no_entry_costs_itself_and_is_told(tmp_path: Path, line):
    """As one of a later version, or of a person's hand."""
    note = '{"op": "note", "markdown": "text"}'
    (tmp_path / JOURNAL_FILE).write_text(f"{note}\n{line}\n{note}\n")
    first, lost, last = map(from_line, Journal(tmp_path).lines)
    assert first == last == Note("text")
    assert lost == Tags({LOST_TAG: f"a line of mlflow.jsonl that is no entry: {line}"})


def test_a_long_line_that_is_no_entry_is_told_in_part():
    lost = from_line({"op": "x" * 500})
    assert isinstance(lost, Tags)
    assert len(lost.tags[LOST_TAG]) < 300
