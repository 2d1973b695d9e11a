"""Processes of a job that are killed: those that decode, the one that trains, and the job itself."""

from benchmarks.faults.bench import HURT_AT, Bench
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.recovery import recovery, restart, resumed
from benchmarks.running_job import RunningJob

DECODER, TRAIN_WORKER = "ray::ReadScheduledVideos", "ray::RayTrainWorker"


def decode_worker_killed(bench: Bench) -> Outcome:
    """Kill -9 every process that decodes."""
    config = bench.run_config("decode_worker_killed")
    with RunningJob(config) as job:
        job.wait_for_step(0, 0)
        seconds = recovery(job, lambda: job.kill_descendants_when_there(DECODER))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def training_worker_killed(bench: Bench) -> Outcome:
    """Kill -9 the process that trains."""
    config = bench.run_config("training_worker_killed")
    with RunningJob(config) as job:
        job.wait_for_step(*HURT_AT)
        seconds = restart(job, lambda: job.kill_descendants_when_there(TRAIN_WORKER))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def driver_killed(bench: Bench) -> Outcome:
    """Kill -9 the job itself."""
    config = bench.run_config("driver_killed")
    with RunningJob(config) as job:
        job.wait_for_step(*HURT_AT)
        job.kill()
    return resumed(bench, config, {}, said="")
