"""Placement of work on a cluster: decoding on nodes labelled for it, networks on others.

Nodes carry the label ``epitoma.io/role``: ``decode``, ``train``, or ``head``, which does no work. In a cluster without
such labels, one machine for example, everything runs everywhere. A labelled cluster may have no node of a role yet: the
autoscaler starts one when work asks for it.
"""

from typing import Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ROLE_LABEL = "epitoma.io/role"

Role = Literal["decode", "train"]


def label_selector(role: Role) -> dict[str, str] | None:
    """Labels that a node must have for work of this role; None where no node has a role."""
    return {ROLE_LABEL: role} if _roles() else None


def is_waited_for(role: Role) -> bool:
    """Whether work of this role waits for a node: some nodes have roles, but none has this one."""
    return role not in _roles() and bool(_roles())


def on_driver_node() -> NodeAffinitySchedulingStrategy:
    """Schedule on the node of this process: for small actors that must live as long as the driver."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _roles() -> set[str]:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    return {node["Labels"][ROLE_LABEL] for node in nodes if ROLE_LABEL in node["Labels"]}
