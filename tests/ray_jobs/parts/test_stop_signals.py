"""A job that is told to end does so, wherever the signal finds it."""

import signal
import subprocess
import sys

import pytest

JOB = """
import os, signal, sys, time, weakref
from dataclasses import dataclass
from ray_jobs.parts.command_line import run_job

@dataclass(frozen=True)
class Config: pass

class Thing: pass

def swallow(number):
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
    del thing

def job(config):
    try:
        {inside}
        print("not stopped", flush=True)
        time.sleep(60)
    finally:
        {at_the_end}
        print("ended well", flush=True)

# A process that is started in the background may find it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
run_job(Config, job, about="Wait.")
"""


def run_job_with(inside: str, at_the_end: str = "pass") -> subprocess.CompletedProcess[str]:
    code = JOB.format(inside=inside, at_the_end=at_the_end)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_where_python_swallows_what_a_signal_raises(number):
    done = run_job_with(f"swallow({int(number)})")
    assert (done.returncode, done.stderr) == (130, "stopped\n")
    assert done.stdout.split("\n") == ["not stopped", "ended well", ""], "it was swallowed"


def test_what_fails_because_of_a_stop_is_the_stop():
    """Libraries turn what a signal raises into errors of their own, and threads fail that waited for what is ended."""
    inside = """
        import threading
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start(), thread.join()
            raise ImportError("initialization of _C raised unreported exception")"""
    done = run_job_with(inside.strip())
    assert (done.returncode, done.stderr, done.stdout) == (130, "stopped\n", "ended well\n")


@pytest.mark.parametrize("again", ["os.kill(os.getpid(), signal.SIGTERM)", "time.sleep(5)"])
def test_it_is_left_in_peace_while_it_ends(again):
    """Neither a second SIGTERM nor the repeated one cuts off what a job does at its end."""
    done = run_job_with("os.kill(os.getpid(), signal.SIGTERM)", again)
    assert (done.returncode, done.stderr) == (130, "stopped\n")
    assert done.stdout == "ended well\n"


def test_a_second_ctrl_c_ends_it_at_once():
    done = run_job_with("os.kill(os.getpid(), signal.SIGINT)", "os.kill(os.getpid(), signal.SIGINT)")
    assert (done.returncode, done.stderr, done.stdout) == (130, "stopped\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_waits_for_what_must_not_be_interrupted(number):
    """A transaction that was cut off would keep a database locked."""
    inside = f"""
        from epitoma.core.uninterrupted import uninterrupted
        with uninterrupted():
            os.kill(os.getpid(), {int(number)})
            print("whole", flush=True)
        time.sleep(50)"""
    done = run_job_with(inside.strip())
    assert (done.returncode, done.stderr) == (130, "stopped\n")
    assert done.stdout.split("\n") == ["whole", "ended well", ""]
