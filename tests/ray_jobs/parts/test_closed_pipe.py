"""Whoever has read enough closes the pipe, and hears nothing of it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epitoma.core.errors import TRY_AGAIN
from ray_jobs.parts.closed_pipe import NOT_READ

ROOT = Path(__file__).parents[3]

JOB = """
from dataclasses import dataclass
from ray_jobs.parts.command_line import run_job

@dataclass
class Config:
    '''Nothing.'''

    print: int = 0

def job(config):
    raise BrokenPipeError({errno}, "a connection")

run_job(Config, job, about={about})
"""


def without_reader(*command: str | Path) -> tuple[int, str]:
    """Exit code, and what is complained of, where the reader is gone before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, cwd=ROOT, check=False
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


def script(about: str) -> list[str]:
    return [sys.executable, "-c", JOB.format(errno=errno.EPIPE, about=about)]


@pytest.mark.parametrize("about", ["'Short.'", "'Longer than any pipe. ' * 10_000"], ids=["short", "long"])
def test_help_that_nobody_reads_ends_quietly(about):
    assert without_reader(*script(about), "--help") == (NOT_READ, "")


def test_help_of_the_program_ends_quietly():
    assert without_reader(Path(sys.executable).with_name("epitoma"), "--help") == (NOT_READ, "")


@pytest.mark.long
@pytest.mark.parametrize("module", ["ray_jobs.train", "benchmarks.additions"])
def test_help_of_a_job_or_a_benchmark_ends_quietly(module):
    assert without_reader(sys.executable, "-m", module, "--help") == (NOT_READ, "")


def test_a_reader_that_has_seen_enough():
    """As ``| head -3``: the rest does not fit into the pipe."""
    command = [*script("'About it.\\n\\n' * 10_000"), "--help"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        lines = [job.stdout.readline() for _ in range(3)]
        job.stdout.close()
        assert job.stderr.read() == ""
    assert lines[2] == "About it.\n"
    assert job.returncode == NOT_READ


def test_a_broken_connection_of_a_job_is_not_hushed_up():
    done = subprocess.run(script("''"), capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (TRY_AGAIN, "error: a connection\n")


def test_help_that_is_read_is_whole():
    done = subprocess.run([*script("'Short.'"), "-h"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("usage: ")
    assert "--config FILE" in done.stdout
    assert done.stderr == ""
