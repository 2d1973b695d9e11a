"""GPUs of the cluster, and what the option ``gpu`` comes to there.

Ray does not say in public what an autoscaler could add, so ``auto`` goes by what is up, and says so.
"""

from epitoma.core.errors import ClusterRefusedError
from epitoma.core.gpu import Gpu
from epitoma.on_ray.cluster.placement import nodes_for
from epitoma.on_ray.cluster.runtime import has_joined
from epitoma.reporting.console import say

MOST_STARTED = 8
"""Most GPUs that work asks for at a time in a cluster that may start them: those that never come are not waited for."""


def gpus_up() -> int:
    """GPUs for networks that are up now."""
    return int(sum(node["Resources"].get("GPU", 0.0) for node in nodes_for("train")))


def requested_gpus(gpu: Gpu) -> int:
    """Most GPUs to compute networks on; 0 computes on CPUs. Prints it where a cluster has none up.

    Raises:
        ClusterRefusedError: GPUs are asked for, but this machine has none and no cluster was joined.
    """
    if gpu == "false":
        return 0
    up = gpus_up()
    if not up and not has_joined() and gpu == "true":
        raise ClusterRefusedError(
            "gpu is true, but Ray sees no GPU on this machine: leave --gpu out, or join a cluster by RAY_ADDRESS"
        )
    if not up and has_joined():
        say(f"  no GPU of the cluster is up now: {NONE_UP[gpu]}")
    return max(up, MOST_STARTED) if gpu == "true" and has_joined() else up


NONE_UP: dict[Gpu, str] = {
    "true": "waiting until it has started one (--gpu false does without)",
    "auto": "networks compute on CPUs (--gpu true has it start some)",
}
