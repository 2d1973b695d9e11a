"""A stop is one line at any moment of a process that is a job: while it imports, in the job, and while it exits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.public_reports.commands import wait_until_signals_are_handled

ROOT = Path(__file__).parents[3]
PROGRAM = str(Path(sys.executable).with_name("epitoma"))
AT_EXIT = """
import os, signal, sys
sys.argv = ["epitoma"]
import ray_jobs
import atexit
from dataclasses import dataclass
from ray_jobs.parts.command_line import run_job
@dataclass(frozen=True)
class Config: pass
atexit.register(lambda: (os.kill(os.getpid(), signal.{name}), print("went on")))
run_job(Config, lambda config: {job}, about="")
"""


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    process.send_signal(number)
    _, complained = process.communicate(timeout=60)
    return process.returncode, complained


def start(*command: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("command", [[PROGRAM, "train"], [sys.executable, "-m", "ray_jobs.train"]])
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_it_imports(command, seconds, number, tmp_path):
    process = start(*command, "--manifest", "m", "--name", "x", cwd=tmp_path)
    wait_until_signals_are_handled(process.pid)
    time.sleep(seconds)
    assert stop(process, number) == (130, "stopped\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "job", ["None", "os.kill(os.getpid(), signal.SIGINT)", "(_ for _ in ()).throw(OSError())"]
)
def test_while_it_exits(name, job, tmp_path):
    process = start(sys.executable, "-c", AT_EXIT.format(name=name, job=job), cwd=tmp_path)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complained.splitlines()[-1] == "stopped"
    assert complained.count("stopped") == 1


def test_a_job_in_the_background_whose_ctrl_c_is_ignored_stays_so(tmp_path):
    code = "import signal, sys; sys.argv = ['epitoma']; signal.signal(signal.SIGINT, signal.SIG_IGN); import ray_jobs"
    code += "; assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN"
    done = start(sys.executable, "-c", code, cwd=tmp_path)
    assert (done.communicate(timeout=60)[1], done.returncode) == ("", 0)


def test_another_program_that_imports_jobs_keeps_its_own_ways(tmp_path):
    code = "import signal, sys; before = sys.excepthook; import ray_jobs.parts.command_line; "
    code += "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler; assert sys.excepthook is before"
    done = start(sys.executable, "-c", code, cwd=tmp_path)
    assert (done.communicate(timeout=60)[1], done.returncode) == ("", 0)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_a_letter_shows_an_escape(encoding, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.cli", "茶"],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), PYTHONIOENCODING=encoding),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no command \\u8336: it is one of")
