"""Small clusters on this machine: nodes whose processes keep to cores of their own, and what CPU they use."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ray
from ray._private.authentication.authentication_token_setup import (
    enable_token_auth_by_default,
    ensure_token_if_auth_enabled,
)
from ray.cluster_utils import Cluster

from benchmarks.running_job import command_line, descendants
from epitoma.on_ray.cluster.runtime import silence_ray
from epitoma.reporting.console import say

STORE_BYTES = 2_500_000_000
ATTEMPTS = 3
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Decoding nodes beside the driver's.

    Attributes:
        name: For tables.
        nodes: CPU cores of each decoding node.
        head_cores: Of the driver's own node; 0 decodes nothing there.
    """

    name: str
    nodes: tuple[int, ...]
    head_cores: int = 0

    @property
    def cores(self) -> int:
        """Cores that decode."""
        return self.head_cores + sum(self.nodes)


LAYOUTS = (
    Layout(name="driver's node, 2 cores", nodes=(), head_cores=2),
    Layout(name="1 other node, 1 core", nodes=(1,)),
    Layout(name="1 other node, 2 cores", nodes=(2,)),
    Layout(name="2 other nodes, 1 core each", nodes=(1, 1)),
)


@contextmanager
def cluster(layout: Layout) -> Iterator[None]:
    """Be the driver of a cluster of this layout for the block.

    Ray counts cores and binds nothing to them: a node of one core runs two half-core tasks on two. Here each node's
    processes keep to as many cores as it has; the driver may use all.
    """
    logging.getLogger("ray").setLevel(logging.ERROR)
    # As ray.init does for a cluster of its own; Cluster alone would let everybody in.
    enable_token_auth_by_default()
    ensure_token_if_auth_enabled()
    nodes = _patiently(layout)
    try:
        ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
        silence_ray()
        yield
    finally:
        ray.shutdown()
        nodes.shutdown()


def cpu_seconds(title: str = "") -> float:
    """CPU time so far of this process and all below it whose command line has a text in it."""
    pids = [pid for pid in (os.getpid(), *descendants(os.getpid())) if title in command_line(pid)]
    return sum(map(_cpu_seconds, pids))


def _patiently(layout: Layout) -> Cluster:
    """Start all nodes; if one takes longer than Ray's 30 seconds, throw all away and start again."""
    for attempt in range(1, ATTEMPTS + 1):
        nodes = Cluster(shutdown_at_exit=True)
        try:
            _start(nodes, layout)
            return nodes
        except Exception as error:  # Ray has no kind of its own for this.
            nodes.shutdown()
            if attempt == ATTEMPTS:
                raise
            say(f"  a node did not start, all are started again: {error}")
    raise AssertionError("the last attempt returns or raises")


def _start(nodes: Cluster, layout: Layout) -> None:
    own = os.sched_getaffinity(0)
    free = sorted(own)
    with _only(free[: layout.head_cores] or own, own):
        nodes.add_node(**_node(layout.head_cores))
    for number, cores in enumerate(layout.nodes):
        taken = sum(layout.nodes[:number])
        with _only(free[taken : taken + cores], own):
            nodes.add_node(**_node(cores))


def _node(cores: int) -> dict[str, object]:
    return {
        "num_cpus": cores,
        "num_gpus": 0,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
    }


@contextmanager
def _only(cores: list[int] | set[int], otherwise: set[int]) -> Iterator[None]:
    """What is started in the block keeps to these cores."""
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, otherwise)


def _cpu_seconds(pid: int) -> float:
    """Of a process and of its children that have ended; 0 where it has just ended itself."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS
