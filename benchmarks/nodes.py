"""Several Ray nodes on one machine, each with a role, that can be killed as a machine is switched off."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from ray._private.authentication.authentication_token_setup import (
    enable_token_auth_by_default,
    ensure_token_if_auth_enabled,
)
from ray._private.node import Node
from ray._private.services import node_ip_address_from_perspective
from ray.cluster_utils import Cluster

from benchmarks.running_job import descendants
from epitoma.on_ray.cluster.placement import ROLE_LABEL

ADDRESS_FILE = Path("/tmp/ray/ray_current_cluster")

TRAINER = "trainer"
"""A resource that each train node has one of, so that workers spread as they would over GPUs."""


class Nodes:
    """A cluster whose head does no work.

    Args:
        object_store_bytes: Of every node.
    """

    def __init__(self, *, object_store_bytes: int = 200_000_000) -> None:
        self.object_store_bytes = object_store_bytes
        # As ray.init does for a Ray of its own; Cluster alone would let everybody in.
        enable_token_auth_by_default()
        ensure_token_if_auth_enabled()
        self.cluster = Cluster()
        self.head = self._add("head", cpus=0)
        # Written for whoever looks for any cluster; left behind, it sends other Rays to one that is gone.
        ADDRESS_FILE.unlink(missing_ok=True)

    @property
    def address(self) -> str:
        """For RAY_ADDRESS."""
        return self.cluster.address

    def add(self, role: str, *, cpus: int = 1) -> Node:
        """Start a node."""
        return self._add(role, cpus=cpus, resources={TRAINER: 1} if role == "train" else {})

    def kill(self, node: Node) -> None:
        """Kill -9 all processes of a node at once."""
        mine = [process.pid for process in _processes(node)]
        for pid in [pid for each in mine for pid in (each, *descendants(each))]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in _processes(node):
            process.wait()

    def kill_one(self, role: str) -> None:
        """Kill a node of a role."""
        self.kill(next(node for node in self.cluster.worker_nodes if node.node_labels[ROLE_LABEL] == role))

    def kill_named(self, node_id: str) -> None:
        """Kill the node of an id."""
        self.kill(next(node for node in self.cluster.worker_nodes if node.node_id == node_id))

    def end(self) -> None:
        """End what is left of the cluster."""
        for node in (*self.cluster.worker_nodes, self.head):
            self.kill(node)

    def _add(self, role: str, *, cpus: int, resources: dict[str, float] | None = None) -> Node:
        return self.cluster.add_node(
            # Said, because a process that has a private Ray of its own takes loopback for the machine's address.
            node_ip_address=node_ip_address_from_perspective(),
            num_cpus=cpus,
            resources=resources or {},
            labels={ROLE_LABEL: role},
            object_store_memory=self.object_store_bytes,
            include_dashboard=False,
        )


def _processes(node: Node) -> list:
    return [info.process for kind in node.all_processes.values() for info in kind]
