"""What the option ``gpu`` comes to: on one machine, and on a cluster whose GPUs are not there yet."""

import os
import subprocess
import sys

import pytest

from benchmarks.nodes import Nodes
from epitoma.core.errors import ClusterError
from epitoma.on_ray.cluster.gpus import MOST_STARTED, requested_gpus

ON_A_CLUSTER = """
import sys
from pathlib import Path
import ray
from epitoma.on_ray.cluster.gpus import requested_gpus
from epitoma.on_ray.cluster.placement import cpus_for, fits_a_node, task_for
from epitoma.on_ray.cluster.runtime import has_joined, ray_session
from epitoma.on_ray.tune.search_space import load_space
from epitoma.on_ray.tune.tuner import TunePlan, run_trials

class Watcher:
    nodes = []
    def started(self, trial, changes): pass
    def reported(self, trial, metrics): self.nodes.append(metrics["node"])
    def ended(self, trial, error): assert error is None, error

def trial(changes, work):
    ray.tune.report({"node": ray.get_runtime_context().get_node_id()})

with ray_session(logs=Path(sys.argv[1])):
    node_of = {role: ray.get(task_for(role, lambda: ray.get_runtime_context().get_node_id()).remote())
               for role in ("decode", "train")}
    assert len(set(node_of.values())) == 2
    assert (cpus_for("decode"), cpus_for("train")) == (2, 1)
    assert fits_a_node({"CPU": 2}, role="decode") and not fits_a_node({"CPU": 2}, role="train")
    assert ray.get(task_for("train", has_joined).remote())
    space = Path(sys.argv[1]) / "space.py"
    space.write_text("SPACE = {'optimisation.epochs': 1}")
    plan = TunePlan(space=load_space(str(space)), trials=3, concurrent=2, scheduler="none", resources={"CPU": 0.5},
                    reuse_processes=False, max_reports=3, seed=0, folder=Path(sys.argv[1]) / "sweep")
    run_trials(plan, trial, None, Watcher(), resume=False)
    assert set(Watcher.nodes) == {node_of["train"]}, (Watcher.nodes, node_of)
    print([requested_gpus(gpu) for gpu in ("false", "auto", "true")])
"""


def test_on_one_machine_without_gpus_only_those_that_insist_are_refused(ray_cluster):
    assert requested_gpus("false") == requested_gpus("auto") == 0
    with pytest.raises(ClusterError, match="gpu is true, but Ray sees no GPU on this machine"):
        requested_gpus("true")


@pytest.mark.jobs
@pytest.mark.long
def test_on_a_cluster_roles_are_kept_and_gpus_that_are_to_come_are_waited_for_in_one_line(
    tmp_path, repository
):
    nodes = Nodes()
    try:
        nodes.add("decode", cpus=2)
        nodes.add("train", cpus=1)
        done = subprocess.run(
            [sys.executable, "-c", ON_A_CLUSTER, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "RAY_ADDRESS": nodes.address, "PYTHONPATH": str(repository)},
            timeout=200,
        )
    finally:
        nodes.end()
    assert done.returncode == 0, done.stdout
    *_, auto, true, counts = done.stdout.strip().splitlines()
    assert counts == f"[0, 0, {MOST_STARTED}]"
    assert "no GPU of the cluster is up now: networks compute on CPUs (--gpu true has it start some)" in auto
    assert "no GPU of the cluster is up now: waiting until it has started one" in true
