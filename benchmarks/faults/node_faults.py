"""Nodes of a cluster that are killed: one that decodes, one that trains, and the head."""

from benchmarks.faults.bench import HURT_AT, Bench
from benchmarks.faults.cluster import cluster
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.recovery import last_line, recovery, restart, resumed
from benchmarks.nodes import TRAINER
from benchmarks.running_job import RunningJob
from epitoma.core.errors import TRY_AGAIN
from epitoma.training.run_config import WorkersConfig


def decode_node_killed(bench: Bench) -> Outcome:
    """Kill -9 one of two nodes that decode, whatever it has decoded included."""
    config = bench.run_config("decode_node_killed")
    with cluster(decode=2, train=1) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(0, 1)
        seconds = recovery(job, lambda: nodes.kill_one("decode"))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def training_node_killed(bench: Bench) -> Outcome:
    """Kill -9 the node of one of two workers; a third node is free."""
    two = WorkersConfig(count=2, resources={TRAINER: 1})
    config = bench.run_config("training_node_killed", workers=two)
    with cluster(decode=1, train=3) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(*HURT_AT)
        seconds = restart(job, lambda: nodes.kill_named(job.trained_on()))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def head_killed(bench: Bench) -> Outcome:
    """Kill -9 the cluster's head: nothing survives that, but the job says so and can be gone on with."""
    config = bench.run_config("head_killed")
    with cluster(decode=1, train=1) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(*HURT_AT)
        nodes.kill(nodes.head)
        code, said = last_line(job)
        assert (code, "is gone" in said) == (TRY_AGAIN, True), said
    with cluster(decode=1, train=1) as (_, environment):
        return resumed(bench, config, environment, said=said)
