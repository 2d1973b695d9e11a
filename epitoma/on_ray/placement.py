"""Where work runs on a cluster: files are decoded on nodes labelled for it, networks run on others.

Nodes carry the label ``epitoma.io/role``: ``decode``, ``train``, or ``head``, which does no work. A cluster without
such labels, one machine for example, runs everything everywhere.
"""

from typing import Any, Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from epitoma.on_ray.runtime import most_resources

ROLE_LABEL = "epitoma.io/role"

Role = Literal["decode", "train"]


def label_selector(role: Role) -> dict[str, str] | None:
    """Labels that a node must have for work of this role; None where the cluster has no such nodes.

    A cluster that grows by itself may have none of them yet: asking for them is what brings them.
    """
    roles = _roles()
    is_to_come = bool(roles) and bool(most_resources())
    return {ROLE_LABEL: role} if role in roles or is_to_come else None


def options(role: Role) -> dict[str, Any]:
    """The same as options of a Ray task, an actor, or an operation of Ray Data."""
    selector = label_selector(role)
    return {} if selector is None else {"label_selector": selector}


def beside_the_driver() -> NodeAffinitySchedulingStrategy:
    """The node of this process, for small actors that must not vanish with a node that comes and goes."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _roles() -> set[str]:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    return {node["Labels"][ROLE_LABEL] for node in nodes if ROLE_LABEL in node["Labels"]}
