"""``epitoma`` as a person runs it: a process of its own, with a home and a working folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 240.0


@dataclass(frozen=True)
class Done:
    """How a command ended.

    Attributes:
        code: Exit code; negative for a signal, None if it ran past the limit and was killed.
        printed: Standard output and standard error together.
    """

    code: int | None
    printed: str

    @property
    def last_line(self) -> str:
        """What it said last."""
        lines = [line.strip() for line in self.printed.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def has_traceback(self) -> bool:
        """Whether a Python traceback was shown."""
        return "Traceback (most recent call last)" in self.printed

    def ends_with(self, code: int, *words: str) -> bool:
        """Whether it ended with this code, without a traceback, in a last line that has all of the words."""
        return self.code == code and not self.has_traceback and all(w in self.last_line for w in words)


def epitoma(
    *words: str | Path,
    folder: Path,
    environment: dict[str, str] | None = None,
    through: Sequence[str] = (),
    limit_seconds: float = LIMIT_SECONDS,
) -> Done:
    """Run one command to its end in a folder; ``environment`` is beside this process's own."""
    process = start(*words, folder=folder, environment=environment, through=through)
    try:
        printed, _ = process.communicate(timeout=limit_seconds)
        return Done(process.returncode, printed)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return Done(None, process.communicate()[0])


def start(
    *words: str | Path,
    folder: Path,
    environment: dict[str, str] | None = None,
    through: Sequence[str] = (),
    program: Sequence[str] = (sys.executable, "-m", "ray_jobs.cli"),
) -> "subprocess.Popen[str]":
    """Start one command in a folder, as leader of a process group, ``through`` a program that sets it up."""
    return subprocess.Popen(
        [*through, *program, *map(str, words)],
        cwd=folder,
        env=_environment(folder) | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def wait_until_signals_are_handled(pid: int) -> None:
    """Wait for the first line of this project's own in a process, which takes over SIGTERM: Python itself does not."""
    bit, deadline = 1 << (signal.SIGTERM - 1), time.monotonic() + LIMIT_SECONDS
    while not int(_status(pid)["SigCgt"], 16) & bit:
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not take over its signals")
        time.sleep(0.001)


def _status(pid: int) -> dict[str, str]:
    """What the system says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def _environment(folder: Path) -> dict[str, str]:
    """This process's variables, with a home in the folder and the code of this checkout."""
    code = str(Path(__file__).parents[2])
    kept = {name: text for name, text in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return {**kept, "HOME": str(folder), "PYTHONPATH": code, "OMP_NUM_THREADS": "1"}
