"""Faults of real processes that runs must survive, or say in one line; benchmarks/faults/ has more of them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nodes import Nodes
from benchmarks.running_job import losses
from epitoma.core.errors import TRY_AGAIN
from epitoma.on_ray.cluster.head_watch import gone_seconds
from epitoma.training.audit import Audit, audit
from ray_jobs.train import train

JOIN_AND_WAIT = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from epitoma.on_ray.cluster.runtime import ray_session
from ray_jobs.parts.command_line import run_job

@dataclass
class Nothing:
    logs: Path

def wait(config):
    with ray_session(logs=config.logs):
        print("joined", flush=True)
        time.sleep(600)

run_job(Nothing, wait, about="")
"""


def test_a_killed_training_worker_costs_time_and_nothing_else(hurt, dataset):
    """The very steps that the killed worker did not keep are done again, and no epoch is missing."""
    assert hurt.code == 0, hurt.printed
    videos = dataset.split("train").video_ids
    assert audit(hurt.folder, videos, epochs=4) == Audit(lost=[], repeated=[], attempts=2)
    assert len(losses(hurt.folder)) == 4


@pytest.mark.slow
def test_it_leaves_the_losses_as_they_are_bit_for_bit(hurt, steady):
    undisturbed = train(replace(steady, name="undisturbed"))
    assert losses(hurt.folder) == losses(undisturbed)


def test_training_listens_on_loopback(hurt):
    seen = hurt.listening.seen
    assert any("Worker" in name or "Train" in name for name in seen.values()), seen
    assert hurt.listening.public() == {}


@pytest.mark.jobs
@pytest.mark.slow
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
        assert "joined\n" in iter(job.stdout.readline, "")
        nodes.kill(nodes.head)
        _, complaint = job.communicate(timeout=gone_seconds() + 60)
    finally:
        nodes.end()
    assert job.returncode == TRY_AGAIN
    (line,) = complaint.splitlines()
    assert line.startswith(f"error: the head of the Ray cluster at {nodes.address} is gone")
    assert "--resume" in line


def environment(repository: Path, nodes: Nodes) -> dict[str, str]:
    return {**os.environ, "RAY_ADDRESS": nodes.address, "PYTHONPATH": str(repository)}
