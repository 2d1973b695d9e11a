"""Where work runs on a cluster: files are decoded on nodes labelled for it, networks run on others.

Nodes carry the label ``epitoma.io/role``: ``decode``, ``train``, or ``head``, which does no work. A cluster without
such labels, one machine for example, runs everything everywhere. One that has them may have no node of a role yet:
where machines come and go, asking for one is what brings it.
"""

from typing import Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ROLE_LABEL = "epitoma.io/role"

Role = Literal["decode", "train"]


def label_selector(role: Role) -> dict[str, str] | None:
    """Labels that a node must have for work of this role; None where nodes have no roles."""
    return {ROLE_LABEL: role} if _roles() else None


def is_waited_for(role: Role) -> bool:
    """Whether nodes have roles, but none has this one yet."""
    return role not in _roles() and bool(_roles())


def beside_the_driver() -> NodeAffinitySchedulingStrategy:
    """The node of this process, for small actors that must not vanish with a node that comes and goes."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _roles() -> set[str]:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    return {node["Labels"][ROLE_LABEL] for node in nodes if ROLE_LABEL in node["Labels"]}
