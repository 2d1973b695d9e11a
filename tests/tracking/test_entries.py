"""Lines on disk stay as they are, so that journals of earlier versions can be read."""

import json

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
