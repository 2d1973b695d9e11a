"""Claims: one job at a time, who holds it, and that nothing is left of one whose process was killed."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from epitoma.core.errors import TRY_AGAIN, BusyError, RunError
from epitoma.files.claims import HOLDER_FILE, LOCK_FILE, claimed, claimed_in_turn, holder

HOLD = """
import sys, time
from pathlib import Path
from epitoma.files.claims import claimed
with claimed(Path(sys.argv[1]), by="train first"):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which holds the folder until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def claim(folder: Path) -> None:
    with claimed(folder, by="train second"):
        assert holder(folder).startswith("train second, process")


def test_the_second_is_told_who_is_first(tmp_path, other):
    with pytest.raises(BusyError) as told:
        claim(tmp_path / "run")
    who = (
        rf"train first, process {other.pid} on {socket.gethostname()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
    )
    assert re.match(rf"{tmp_path}/run is in use by {who}: wait for its end", str(told.value))
    assert "\n" not in str(told.value)
    assert told.value.exit_code == TRY_AGAIN


def test_a_claim_ends_with_its_block(tmp_path, other):
    other.communicate("\n")
    claim(tmp_path / "run")
    claim(tmp_path / "run")
    assert not (tmp_path / "run" / HOLDER_FILE).exists()


def test_a_killed_process_holds_nothing(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert (tmp_path / "run" / HOLDER_FILE).exists()
    claim(tmp_path / "run")


def test_who_lost_the_lock_leaves_the_name_of_the_next(tmp_path, other):
    """As where a file system gives the lock of a machine away that it cannot reach."""
    (tmp_path / "run" / LOCK_FILE).unlink()
    with claimed(tmp_path / "run", by="train second"):
        other.communicate("\n")
        assert holder(tmp_path / "run").startswith("train second, process")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch, number):
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)  # No such file system can be mounted here.
    with pytest.raises(
        RunError, match=rf"{tmp_path}: its file system cannot lock files \({os.strerror(number)}\)"
    ):
        claim(tmp_path)
    assert not (tmp_path / HOLDER_FILE).exists()


def test_a_claim_ends_when_the_block_raises(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path, by="one"):
        _ = 1 / 0
    claim(tmp_path)


@pytest.mark.parametrize(
    "said", ["", "{", "{}", "[]", "null", "1", '"x"', '{"by": "a"}', '{"by": 1, "pid": 2}', "\xff"]
)
def test_a_holder_that_cannot_be_read_is_another_job(tmp_path, said):
    """As where the file was put there by hand, or by another version."""
    with claimed(tmp_path, by="one"):
        (tmp_path / HOLDER_FILE).write_bytes(said.encode("latin-1"))
        with pytest.raises(BusyError, match="is in use by another job: wait"):
            claim(tmp_path)
    claim(tmp_path)


def test_one_process_does_not_claim_twice(tmp_path):
    with claimed(tmp_path, by="one"), pytest.raises(BusyError, match=r"one, process \d+"):
        claim(tmp_path)


def test_in_turn_the_second_waits_and_says_for_whom(tmp_path, other):
    told: list[str] = []

    def wait(line: str) -> None:
        told.append(line)
        other.stdin.write("\n")
        other.stdin.flush()

    with claimed_in_turn(tmp_path / "run", by="extract", wait=wait):
        assert holder(tmp_path / "run").startswith("extract, process")
    assert len(told) == 1
    assert f"is in use by train first, process {other.pid}" in told[0]
    assert told[0].endswith("waiting for its end")


def test_of_many_at_once_one_is_first(tmp_path):
    inside: list[int] = []

    def work(number: int) -> bool:
        with claimed_in_turn(tmp_path / "store", by=str(number), wait=lambda line: None):
            inside.append(number)
            assert inside == [number]
            inside.remove(number)
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(8)))
