"""Placement of work on a cluster: decoding on nodes labelled for it, networks on others.

Nodes carry the label ``epitoma.io/role``: ``decode``, ``train``, or ``head``, which does no work. In a cluster without
such labels, one machine for example, everything runs everywhere. A labelled cluster may have no node of a role yet: the
autoscaler starts one when work asks for it.
"""

from collections.abc import Callable
from typing import Any, Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from epitoma.reporting.console import say

ROLE_LABEL = "epitoma.io/role"

Role = Literal["decode", "train"]


def label_selector(role: Role) -> dict[str, str] | None:
    """Labels that a node must have for work of this role; None where no node has a role."""
    return {ROLE_LABEL: role} if _roles() else None


def task_for(role: Role, function: Callable[..., Any], *, max_retries: int = 3, gpus: int = 0) -> Any:
    """A function as a Ray task that runs on nodes for a role.

    Args:
        role: The role.
        function: What the task does.
        max_retries: How often it is run again after its process has died; -1 is without end. Ray's own is 3.
        gpus: GPUs that it has.
    """
    task = ray.remote(function)
    return task.options(label_selector=label_selector(role), max_retries=max_retries, num_gpus=gpus)


def is_waited_for(role: Role) -> bool:
    """Whether work of this role waits for a node: some nodes have roles, but none has this one."""
    return role not in _roles() and bool(_roles())


def say_if_waited_for(role: Role) -> None:
    """Print it if work of this role waits for a node."""
    if is_waited_for(role):
        say(f"  no node has the label {ROLE_LABEL}={role}: waiting for one")


def nodes_for(role: Role) -> list[dict[str, Any]]:
    """What is up now of the nodes that work of this role may run on, as :func:`ray.nodes` describes them."""
    wanted = label_selector(role) or {}
    return [node for node in _alive() if wanted.items() <= node["Labels"].items()]


def cpus_for(role: Role) -> float:
    """CPU cores of the nodes for a role that are up now."""
    return sum(node["Resources"].get("CPU", 0.0) for node in nodes_for(role))


def fits_a_node(resources: dict[str, float], *, role: Role) -> bool:
    """Whether some node for a role has all of these resources in total, free or not."""
    found = [node["Resources"] for node in nodes_for(role)]
    return any(all(node.get(name, 0) >= need for name, need in resources.items()) for node in found)


def on_driver_node() -> NodeAffinitySchedulingStrategy:
    """Schedule on the node of this process: for small actors that must live as long as the driver."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def living_nodes() -> set[str]:
    """Ids of the nodes that are up."""
    return {node["NodeID"] for node in _alive()}


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _roles() -> set[str]:
    return {node["Labels"][ROLE_LABEL] for node in _alive() if ROLE_LABEL in node["Labels"]}
