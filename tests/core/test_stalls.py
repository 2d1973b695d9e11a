"""A process that stalls with a video ends; one that is slow, or does something else, does not."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

STUCK = """
import ctypes, sys, time
from epitoma.core.stalls import ending_if_stalled, moved, reading
from epitoma.core import stalls

stalls.SPARE_SECONDS = 0.3

def sleeps():
    with reading():
        time.sleep(60)

def holds_pythons_lock():
    with reading():
        ctypes.PyDLL(None).sleep(60)

def is_slow():
    with reading():
        for _ in range(8):
            time.sleep(0.15)
            moved()

def computes_between_videos():
    with reading():
        pass
    time.sleep(1.2)

def goes_on_after_videos():
    pass

with ending_if_stalled(0.5, lambda: print("told", flush=True), lambda: print(end=".", flush=True)):
    globals()[sys.argv[1]]()
time.sleep(1.2)
print("whole", flush=True)
"""


@pytest.mark.parametrize(
    ("doing", "code", "printed"),
    [
        ("sleeps", -signal.SIGKILL, "told\n"),
        ("holds_pythons_lock", -signal.SIGALRM, ""),
        ("is_slow", 0, "whole\n"),
        ("computes_between_videos", 0, "whole\n"),
        ("goes_on_after_videos", 0, "whole\n"),
    ],
)
def test_only_what_stalls_is_ended(doing: str, code: int, printed: str, tmp_path: Path):
    script = tmp_path / "stuck.py"
    script.write_text(STUCK)
    done = subprocess.run([sys.executable, script, doing], stdout=subprocess.PIPE, text=True, timeout=15)
    assert (done.returncode, done.stdout.lstrip(".")) == (code, printed)
    has_heartbeat = done.stdout.startswith("..")
    assert has_heartbeat == (doing in ("sleeps", "is_slow", "computes_between_videos"))
