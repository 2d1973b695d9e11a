"""A stop is one line at any moment: Ctrl-C and SIGTERM, once and twice, from the first import to the exit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import start, wait_until_signals_are_handled

JOB = ["prepare", "synthetic", "--output", "out", "--dataset.train-videos", "300", "--dataset.size", "96"]
MOMENTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 12.0)
PROGRAMS = ((sys.executable, "-m", "ray_jobs.cli"), (str(Path(sys.executable).with_name("epitoma")),))


@case
def ctrl_c_at_many_moments(folder: Path) -> Seen:
    """Ctrl-C from the first import to the middle of the work, of ``epitoma`` and of ``python -m``."""
    pairs = zip(MOMENTS, cycle(PROGRAMS))
    return _all([_stopped(folder, seconds, signal.SIGINT, program=program) for seconds, program in pairs])


@case
def ctrl_c_twice(folder: Path) -> Seen:
    """Ctrl-C, and again while the job ends."""
    return _all([_stopped(folder, seconds, signal.SIGINT, again=0.3) for seconds in (1.0, 3.0, 6.0, 12.0)])


@case
def sigterm_at_many_moments(folder: Path) -> Seen:
    """SIGTERM, as a cluster stops jobs."""
    return _all([_stopped(folder, seconds, signal.SIGTERM) for seconds in (0.1, 1.0, 2.5, 4.0, 6.0, 10.0)])


@case
def help_that_is_cut_off(folder: Path) -> Seen:
    """``epitoma train --help | head -1``, and the help of a benchmark."""
    seen = []
    for module, words in (("ray_jobs.cli", ["train"]), ("ray_jobs.train", []), ("benchmarks.additions", [])):
        command = f"{sys.executable} -m {' '.join([module, *words])} --help | head -1"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        seen.append(
            Seen(
                done.stderr == "" and done.stdout.startswith("usage: "),
                (done.stdout + done.stderr)[:60].strip(),
            )
        )
    return _all(seen)


def _stopped(
    folder: Path,
    seconds: float,
    number: int,
    *,
    again: float | None = None,
    program: Sequence[str] = PROGRAMS[0],
) -> Seen:
    """Send a job a signal some seconds after its first line of code, and see that it says one word."""
    process = start(*JOB, folder=folder, program=program)
    # On a busy machine Python itself may take longer to start than the first moments.
    wait_until_signals_are_handled(process.pid)
    time.sleep(seconds)
    os.killpg(process.pid, number)
    if again is not None:
        time.sleep(again)
        # It may have ended by then.
        if process.poll() is None:
            os.killpg(process.pid, number)
    try:
        printed, _ = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return Seen(False, f"at {seconds} s: does not end")
    ok = (
        process.returncode == 130
        and printed.splitlines()[-1:] == ["stopped"]
        and printed.count("stopped") == 1
    )
    return Seen(
        ok and "Traceback" not in printed, f"{seconds} s: {process.returncode}, {printed[-300:].strip()!r}"
    )


def _all(seen: list[Seen]) -> Seen:
    wrong = [each for each in seen if not each.ok]
    return Seen(not wrong, wrong[0].said if wrong else f"{len(seen)} of {len(seen)}: {seen[-1].said}")
