"""What a job does after a fault: how long until it goes on, what it says where it ends, and how it is resumed."""

import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.faults.bench import Bench
from benchmarks.faults.outcome import Outcome
from benchmarks.running_job import RunningJob, attempts_of, steps_seen
from epitoma.training.run_config import TrainConfig


def recovery(job: RunningJob, hurt: Callable[[], object]) -> float:
    """Seconds from a fault to the next step of the same workers."""
    hurt()
    began, before = time.perf_counter(), len(steps_seen(job.config.folder))
    job.wait_for_more_steps(before)
    return time.perf_counter() - began


def restart(job: RunningJob, hurt: Callable[[], object]) -> float:
    """Seconds from a fault to the first step of new workers."""
    attempts = len(attempts_of(job.config.folder))
    hurt()
    began = time.perf_counter()
    job.wait_for_another_attempt(attempts)
    return time.perf_counter() - began


def last_line(job: RunningJob) -> tuple[int, str]:
    """Exit code, and what was said last."""
    code, printed = job.ended()
    return code, printed.strip().splitlines()[-1].strip()


def resumed(bench: Bench, config: TrainConfig, environment: dict[str, str], *, said: str) -> Outcome:
    """Tell a run that has ended to go on."""
    attempts, began = len(attempts_of(config.folder)), time.perf_counter()
    with RunningJob(replace(config, resume=True), environment) as job:
        job.wait_for_another_attempt(attempts)
        seconds = time.perf_counter() - began
        code, _ = job.ended()
    return bench.outcome(config, seconds=seconds, code=code, said=said, by_hand=True)
