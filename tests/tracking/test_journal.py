import json
from pathlib import Path

from epitoma.tracking.journal import JOURNAL_FILE, MARK_FILE, Journal


def test_what_was_not_sent_is_pending_after_a_restart(tmp_path: Path):
    journal = Journal(tmp_path / "run")
    journal.begin("r1", store="here")
    for number in range(3):
        journal.add({"op": "metrics", "number": number})
    journal.mark_sent()
    again = Journal(tmp_path / "run")
    assert [entry["number"] for entry in again.pending()] == [1, 2]
    assert again.run_id("here") == "r1"
    assert again.run_id("elsewhere") is None


def test_another_store_gets_everything_from_the_beginning(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.begin("r1", store="here")
    journal.add({"op": "a"})
    journal.mark_sent()
    assert journal.pending() == []
    journal.begin("r2", store="there")
    assert Journal(tmp_path).pending() == [{"op": "a"}]


def test_the_mark_of_an_earlier_version_is_read(tmp_path: Path):
    journal = Journal(tmp_path)
    for op in ("a", "b"):
        journal.add({"op": op})
    (tmp_path / MARK_FILE).write_text('{"store": "here", "run_id": "r1", "told": 1}\n')
    again = Journal(tmp_path)
    assert (again.run_id("here"), again.pending()) == ("r1", [{"op": "b"}])
    again.mark_sent()
    assert json.loads((tmp_path / MARK_FILE).read_text()) == {"store": "here", "run_id": "r1", "told": 2}


def test_a_line_that_a_killed_process_left_torn_is_cut_off(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.add({"op": "a"})
    with (tmp_path / JOURNAL_FILE).open("a") as file:
        file.write('{"op": "b", "metr')
    again = Journal(tmp_path)
    assert again.pending() == [{"op": "a"}]
    again.add({"op": "c"})
    assert Journal(tmp_path).pending() == [{"op": "a"}, {"op": "c"}]
