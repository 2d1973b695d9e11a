"""A real training job in a process of its own, watched by what it writes and hurt by what kills its processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from epitoma.core.config import to_dict
from epitoma.files.json_files import read_json, write_json
from epitoma.training.audit import notes
from epitoma.training.run_config import TrainConfig

POLL_SECONDS = 0.05
DEADLINE_SECONDS = 300


class RunningJob:
    """One `python -m ray_jobs.train`.

    Args:
        config: The run.
        environment: Variables beside this process's own.
    """

    def __init__(self, config: TrainConfig, environment: dict[str, str] | None = None) -> None:
        self.config = config
        file = config.runs / f"{config.name}.json"
        write_json(file, to_dict(replace(config, resume=False)))
        resume = ["--resume"] if config.resume else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ray_jobs.train", "--config", str(file), *resume],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def __enter__(self) -> "RunningJob":
        """The job for a block, which it does not outlive."""
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_for_step(self, epoch: int, step: int) -> None:
        """Wait until a step is being taken for which a checkpoint before it is there.

        Raises:
            RuntimeError: The job ended first, or takes too long.
        """
        self._wait(lambda: (epoch, step) in steps_seen(self.config.folder), f"step {step} of epoch {epoch}")

    def wait_for_another_attempt(self, attempts: int) -> None:
        """Wait until workers have gone on after a restart.

        Raises:
            RuntimeError: The job ended first, or takes too long.
        """
        self._wait(lambda: len(attempts_of(self.config.folder)) > attempts, "steps after a restart")

    def wait_for_more_steps(self, steps: int) -> None:
        """Wait until workers have begun more steps than so many.

        Raises:
            RuntimeError: The job ended first, or takes too long.
        """
        self._wait(lambda: len(steps_seen(self.config.folder)) > steps, "another step")

    def wait_for_workers(self, count: int) -> None:
        """Wait until the newest attempt has taken steps with so many workers.

        Raises:
            RuntimeError: The job ended first, or takes too long.
        """
        self._wait(lambda: workers_now(self.config.folder) == count, f"steps of {count} workers")

    def kill_descendants_when_there(self, title: str) -> int:
        """Kill -9 what of this job's processes has a title, as soon as there is one; returns how many."""
        killed = 0

        def is_killed() -> bool:
            nonlocal killed
            killed = kill_titled(self.process.pid, title)
            return killed > 0

        self._wait(is_killed, f"a process {title}")
        return killed

    def trained_on(self) -> str:
        """The node of the worker that was the last to begin a step."""
        return max(notes(self.config.folder), key=lambda noted: (noted["attempt"], noted["rank"]))[
            "trained_on"
        ]

    def kill(self) -> None:
        """Kill -9 the job's own process, and nothing else."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask the job to end, as a person or a cluster does."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> tuple[int, str]:
        """Wait for the end: exit code and all that was printed."""
        printed, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, printed

    def _wait(self, is_there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_there():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.config.name} ended before {what}: {self.ended()[1]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.config.name} does not reach {what}")
            time.sleep(POLL_SECONDS)


def steps_seen(folder: Path) -> set[tuple[int, int]]:
    """Every (epoch, step) that a worker of a run has begun."""
    return {(noted["epoch"], noted["step"]) for noted in notes(folder)}


def attempts_of(folder: Path) -> set[int]:
    """When workers of a run have begun to take steps, at its start and after each restart."""
    return {noted["attempt"] for noted in notes(folder)}


def workers_now(folder: Path) -> int:
    """How many workers have taken steps since the last restart."""
    newest = max(attempts_of(folder), default=None)
    return len({noted["rank"] for noted in notes(folder) if noted["attempt"] == newest})


def losses(folder: Path) -> list[float]:
    """The loss curve of a run."""
    return [row["train/loss"] for row in read_json(folder / "history.json")["epochs"]]


def kill_titled(root: int, title: str) -> int:
    """Kill -9 descendants of a process whose command line has a text in it; returns how many."""
    found = [pid for pid in descendants(root) if title in command_line(pid)]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


def descendants(root: int) -> list[int]:
    """All processes below one, the nearest first."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        parent = _parent(place)
        if parent is not None:
            children.setdefault(parent, []).append(int(place.name))
    found, waiting = [], [root]
    while waiting:
        below = sorted(children.get(waiting.pop(0), []))
        found += below
        waiting += below
    return found


def command_line(pid: int) -> str:
    """Of a process; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _parent(place: Path) -> int | None:
    try:
        return int((place / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
