"""Real MLflow on a real SQLite file: what the sender makes of a journal's entries."""

import json
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from epitoma.tracking import sender
from epitoma.tracking.journal import JOURNAL_FILE
from epitoma.tracking.lifecycle import send_the_rest, tracked_run
from epitoma.tracking.run_tracker import RunTracker
from tests.tracking.stored import runs_in


def test_a_table_takes_the_place_of_an_earlier_one(runs: Path):
    for score in (0.5, 0.7):
        with tracked_run(runs / "same", params={}) as tracker:
            tracker.table([{"budget": 4, "score": score}], name="points")
    (run,) = runs_in(runs)
    table = json.loads(Path(url2pathname(urlparse(run.info.artifact_uri).path), "points.json").read_text())
    assert table == {"columns": ["budget", "score"], "data": [[4, 0.7]]}
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "points.json", "type": "table"}]


def test_a_folder_whose_run_is_lost_gets_a_new_one(runs: Path):
    with tracked_run(runs / "same", params={}):
        pass
    remembered = runs / "same" / "mlflow.json"
    remembered.write_text(json.dumps({**json.loads(remembered.read_text()), "run_id": "0" * 32}))
    with tracked_run(runs / "same", params={}):
        pass
    assert [run.info.status for run in runs_in(runs)] == ["FINISHED"] * 2


def test_a_journal_of_an_earlier_version_is_sent(runs: Path, tmp_path: Path, capsys):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    lines = [
        {"op": "status", "status": "RUNNING", "time": 1000},
        {"op": "params", "params": {"a": "1"}},
        {"op": "metrics", "metrics": [["m", 0.5, 0], ["m", 0.7, 1]], "time": 2000},
        {"op": "tags", "tags": {"collapsed": "all open"}},
        {"op": "note", "markdown": f"[self](run:{runs / 'old'}) and [none](run:{runs / 'none'})"},
        {"op": "artifact", "path": str(note), "folder": "notes"},
        {"op": "artifact", "path": str(tmp_path / "gone.txt"), "folder": None},
        {"op": "table", "name": "points", "table": {"columns": ["a"], "data": [[1]]}},
        {"op": "register", "name": "kitchen", "folder": "model"},
        {"op": "status", "status": "FINISHED", "time": 3000},
    ]
    (runs / "old").mkdir()
    (runs / "old" / JOURNAL_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert send_the_rest(runs / "old") == len(lines)
    assert "gone.txt is gone, so MLflow does not get it" in capsys.readouterr().err
    (run,) = runs_in(runs)
    assert (run.info.status, run.info.end_time) == ("FINISHED", 3000)
    assert (run.data.params, run.data.metrics) == ({"a": "1"}, {"m": 0.7})
    assert run.data.tags["collapsed"] == "all open"
    address = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert run.data.tags["mlflow.note.content"] == f"[self]({address}) and none"
    artifacts = Path(url2pathname(urlparse(run.info.artifact_uri).path))
    assert (artifacts / "notes" / "note.txt").read_text() == "hello"


def test_more_metrics_than_a_call_takes_are_sent_in_several(runs: Path, monkeypatch):
    monkeypatch.setattr(sender, "MOST_METRICS", 2)
    RunTracker(runs / "one", runs=runs).metrics({"a": 1.0, "b": 2.0, "c": 3.0}, step=0)
    (run,) = runs_in(runs)
    assert run.data.metrics == {"a": 1.0, "b": 2.0, "c": 3.0}
