import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from epitoma.files.locks import locked
from epitoma.tracking import journal as journal_module
from epitoma.tracking.journal import JOURNAL_FILE, LOST_TAG, MARK_FILE, WRITING_LOCK, Journal


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


WRITE = (
    "import sys; from pathlib import Path; from epitoma.tracking.journal import Journal\n"
    "journal = Journal(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.readline()\n"
    "for number in range(200): journal.add({'op': 'tags', 'tags': {'from': sys.argv[2], 'number': number}})\n"
)


def test_processes_that_write_to_one_run_lose_no_entry(tmp_path: Path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    journal = Journal(tmp_path)
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for number in range(200):
        journal.add({"op": "tags", "tags": {"from": "d", "number": number}})
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0] * 3
    journal.refresh()
    assert journal.lines == Journal(tmp_path).lines
    by_writer = {name: [] for name in "abcd"}
    for line in journal.lines:
        by_writer[line["tags"]["from"]].append(line["tags"]["number"])
    assert by_writer == {name: list(range(200)) for name in "abcd"}


def test_two_that_send_at_once_do_not_send_twice(tmp_path: Path):
    one, other = Journal(tmp_path), Journal(tmp_path)
    one.begin("r1", store="here")
    one.add({"op": "a"})
    with one.sending() as is_ours:
        assert is_ours
        with other.sending() as is_theirs:
            assert not is_theirs
        one.mark_sent()
    other.add({"op": "b"})
    with other.sending() as is_theirs:
        assert is_theirs
        assert other.run_id("here") == "r1"
        assert other.pending() == [{"op": "b"}]


def test_a_lock_whose_holder_was_killed_is_free(tmp_path: Path):
    hold = (
        "import sys, time; from pathlib import Path; from epitoma.files.locks import locked\n"
        "with locked(Path(sys.argv[1]), limit_seconds=0): print('held', flush=True); time.sleep(60)\n"
    )
    lock = tmp_path / WRITING_LOCK
    holder = subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with locked(lock, limit_seconds=0) as is_ours:
        assert not is_ours
    holder.kill()
    holder.communicate()
    with locked(lock, limit_seconds=0) as is_ours:
        assert is_ours


def test_a_writer_that_was_stopped_is_not_waited_for_twice(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(journal_module, "WRITING_LIMIT_SECONDS", 0.2)
    journal = Journal(tmp_path)
    with locked(tmp_path / WRITING_LOCK, limit_seconds=0):
        started = time.monotonic()
        for op in "abc":
            journal.add({"op": op})
        assert 0.2 <= time.monotonic() - started < 0.5
    assert [line["op"] for line in Journal(tmp_path).lines] == ["a", "b", "c"]


def test_what_the_store_refused_stays_pending(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.begin("r1", store="here")
    for op in "abc":
        journal.add({"op": op})
    journal.mark_sent(0, refused=True)
    journal.mark_sent(1)
    again = Journal(tmp_path)
    assert (again.pending(), again.refused, list(again.unsent)) == ([{"op": "a"}, {"op": "c"}], [0], [2])
    again.mark_sent(0)
    assert json.loads((tmp_path / MARK_FILE).read_text()) == {"store": "here", "run_id": "r1", "told": 2}


@pytest.mark.parametrize(
    "mark",
    [
        *("", "{", "null", "[]", "{}", '{"store": "here"}', '{"store": "here", "run_id": "r1"}'),
        *('{"store": 1, "run_id": "r1", "told": 1}', '{"store": "here", "run_id": "r1", "told": "1"}'),
        '{"store": "here", "run_id": "r1", "told": 1, "refused": 0}',
    ],
)
def test_a_mark_that_cannot_be_read_counts_as_none(tmp_path: Path, mark):
    journal = Journal(tmp_path)
    journal.add({"op": "a"})
    (tmp_path / MARK_FILE).write_text(mark)
    assert (Journal(tmp_path).run_id("here"), Journal(tmp_path).pending()) == (None, [{"op": "a"}])


def test_a_torn_line_costs_itself_and_is_told(tmp_path: Path):
    """As where a machine died while it wrote, and others have gone on."""
    (tmp_path / JOURNAL_FILE).write_text('{"op": "a"}\n{"op": "ta\n{"op": "b"}\n')
    first, torn, last = Journal(tmp_path).lines
    assert (first, last) == ({"op": "a"}, {"op": "b"})
    assert torn == {"op": "tags", "tags": {LOST_TAG: 'a torn line of mlflow.jsonl: {"op": "ta'}}


def test_a_line_after_a_torn_one_begins_anew_where_nobody_may_cut_that_off(tmp_path: Path, monkeypatch):
    journal = Journal(tmp_path)
    journal.add({"op": "a"})
    with locked(tmp_path / WRITING_LOCK, limit_seconds=1) as is_held:
        assert is_held
        with (tmp_path / JOURNAL_FILE).open("a") as file:
            file.write('{"op": "half')
        monkeypatch.setattr(journal_module, "WRITING_LIMIT_SECONDS", 0.1)
        other = Journal(tmp_path)
        other.add({"op": "b"})
    kinds = [line["op"] for line in Journal(tmp_path).lines]
    assert kinds == ["a", "tags", "b"]
