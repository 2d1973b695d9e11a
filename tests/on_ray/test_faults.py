"""Faults of real processes that runs must survive, or say in one line; benchmarks/faults.py has more of them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nodes import Nodes
from benchmarks.running_job import RunningJob, losses
from epitoma.on_ray.head_watch import GONE_SECONDS
from epitoma.training.audit import Audit, audit
from epitoma.training.run_config import TrainConfig

JOIN_AND_WAIT = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from epitoma.on_ray.runtime import ray_session
from ray_jobs.command_line import run_job

@dataclass
class Nothing:
    logs: Path

def wait(config):
    with ray_session(logs=config.logs):
        print("joined", flush=True)
        time.sleep(600)

run_job(Nothing, wait, about="")
"""


@pytest.fixture
def config(audited_run: TrainConfig) -> TrainConfig:
    longer = replace(audited_run.optimisation, epochs=4, validate_every=4)
    return replace(audited_run, optimisation=longer)


def test_a_killed_training_worker_costs_time_and_nothing_else(config, dataset):
    """The very steps that the killed worker did not keep are done again, and no epoch is missing."""
    with RunningJob(config) as job:
        job.wait_for_step(1, 1)
        job.kill_descendants_when_there("ray::RayTrainWorker")
        code, printed = job.ended()
    assert code == 0, printed
    assert audit(config.folder, dataset.split("train").video_ids, epochs=4) == Audit(
        lost=[], repeated=[], attempts=2
    )
    assert len(losses(config.folder)) == 4


@pytest.mark.nodes
def test_a_job_whose_cluster_loses_its_head_ends_in_one_line(tmp_path, repository):
    nodes = Nodes()
    try:
        job = subprocess.Popen(
            [sys.executable, "-c", JOIN_AND_WAIT, "--logs", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(repository, nodes),
        )
        assert job.stdout is not None
        assert job.stdout.readline() == "joined\n"
        nodes.kill(nodes.head)
        _, complaint = job.communicate(timeout=GONE_SECONDS + 60)
    finally:
        nodes.end()
    assert job.returncode == 2
    (line,) = complaint.splitlines()
    assert line.startswith(f"error: the head of the Ray cluster at {nodes.address} is gone")
    assert "--resume" in line


def environment(repository: Path, nodes: Nodes) -> dict[str, str]:
    return {**os.environ, "RAY_ADDRESS": nodes.address, "PYTHONPATH": str(repository)}
