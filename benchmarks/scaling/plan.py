"""How many cores feed a GPU, and what gives way first: arithmetic on what was measured and what is assumed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from epitoma.core.errors import ConfigError

LIGHT_GMACS = 0.92 / 16
HEAVY_GMACS = {"resnet2d": 61.69 / 16, "shufflenet3d": 16.98 / 16, "i3d": 222.30 / 16}
"""A timestep's, from the exact rows of `python -m ray_jobs.report table1`, which are of 16 timesteps."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A cluster and what it is to train.

    Attributes:
        timesteps: Candidates of a video, T.
        frames: Of a timestep, m.
        size: Height and width in pixels, for both networks.
        heavy: HeavyNet: resnet2d, shufflenet3d or i3d.
        kept: Timesteps that HeavyNet sees, T'.
        gpu_tflops: The GPU's peak in bfloat16 without sparsity.
        gpu_share: The part of it that training sustains. Assumed, not measured.
        backward: Training over inference: 3 where networks are fine-tuned, 1 where they are frozen.
        network_gbit: Of each training node.
        gpus_per_node: Training workers that share a node, its network and its memory.
        batch: Videos of a step, of one worker.
    """

    timesteps: int = 128
    frames: int = 8
    size: int = 224
    heavy: str = "i3d"
    kept: int = 16
    gpu_tflops: float = 989.0
    gpu_share: float = 0.3
    backward: float = 3.0
    network_gbit: float = 100.0
    gpus_per_node: int = 8
    batch: int = 32

    def __post_init__(self) -> None:
        if self.heavy not in HEAVY_GMACS:
            raise ConfigError(f"heavy is {self.heavy!r}, must be one of {', '.join(HEAVY_GMACS)}")
        if not 1 <= self.kept <= self.timesteps:
            raise ConfigError(f"kept is {self.kept}, must be from 1 to timesteps {self.timesteps}")
        for name, value in vars(self).items():
            if name != "heavy" and not value > 0:
                raise ConfigError(f"{name} is {value}, must be above 0")

    @property
    def gmacs(self) -> float:
        """Of a video, forwards: LightNet on all timesteps, HeavyNet on the kept ones."""
        return self.timesteps * LIGHT_GMACS + self.kept * HEAVY_GMACS[self.heavy]

    @property
    def wanted(self) -> float:
        """Videos a second that one GPU takes."""
        sustained_gmacs = self.gpu_tflops * 1e3 / 2 * self.gpu_share
        return sustained_gmacs / (self.gmacs * self.backward)

    @property
    def row_bytes(self) -> int:
        """Pixels of a video: a middle frame and a snippet of every timestep, three bytes each."""
        return self.timesteps * (1 + self.frames) * self.size**2 * 3


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One thing that may give way.

    Attributes:
        name: Of what.
        sustains: Videos a second that it sustains.
        per: What there is one of it for: a GPU, a node, the cluster.
        gpus: GPUs that it feeds, of those it is for.
    """

    name: str
    sustains: float
    per: str
    gpus: float


def ingested(measured: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was measured of ingest, on all layouts."""
    return [*measured["local"], *measured["remote"]]


def core_seconds(plan: Plan, measured: Mapping[str, Any]) -> float:
    """CPU of a video through Ray Data: between the measured numbers of timesteps, or in proportion beyond the most.

    Raises:
        ConfigError: Nothing was measured for so many frames at that size.
    """
    rows = [row for row in ingested(measured) if (row["frames"], row["size"]) == (plan.frames, plan.size)]
    if not rows:
        known = sorted({(row["frames"], row["size"]) for row in ingested(measured)})
        raise ConfigError(
            f"nothing was measured for {plan.frames} frames at {plan.size} pixels, only for {known} (frames, pixels)"
        )
    timesteps = sorted({row["timesteps"] for row in rows})
    seconds = [_mean(row["core_seconds_a_video"] for row in rows if row["timesteps"] == t) for t in timesteps]
    return _between(plan.timesteps, timesteps, seconds)


def cores_per_gpu(plan: Plan, measured: Mapping[str, Any]) -> float:
    """Cores that decode what one GPU takes."""
    return plan.wanted * core_seconds(plan, measured)


def collate_seconds(plan: Plan, measured: Mapping[str, Any]) -> float:
    """Time that a training worker's thread takes to make its part of a batch of one video, by the bytes of it."""
    rows = sorted(measured["kept"], key=lambda row: row["bytes_by_formula"])
    seconds = [1 / row["collated_videos_per_second"] for row in rows]
    return _between(plan.row_bytes, [row["bytes_by_formula"] for row in rows], seconds)


def limits(plan: Plan, measured: Mapping[str, Any]) -> list[Limit]:
    """Everything between the decoders and the GPUs, the first to give way first."""
    wanted, tasks = plan.wanted, measured["tasks"]
    rows_per_task = measured["rows_per_task"]
    collating = 1 / collate_seconds(plan, measured)
    network = plan.network_gbit * 1e9 / 8 / plan.row_bytes
    transfer = measured["transfer"]["bytes_per_second"] / plan.row_bytes
    driver = rows_per_task / tasks["driver_core_seconds_a_task"]
    head = rows_per_task / tasks["head_core_seconds_a_task"]
    found = [
        Limit(name="thread that collates", sustains=collating, per="GPU", gpus=collating / wanted),
        Limit(name="Ray's transfer into a node", sustains=transfer, per="node", gpus=transfer / wanted),
        Limit(
            name=f"network, {plan.network_gbit:g} Gbit/s", sustains=network, per="node", gpus=network / wanted
        ),
        Limit(name="executor in a training worker", sustains=driver, per="GPU", gpus=driver / wanted),
        Limit(name="head (GCS), one core", sustains=head, per="cluster", gpus=head / wanted),
    ]
    return sorted(found, key=lambda limit: limit.gpus / _needed(limit, plan))


def store_bytes(plan: Plan) -> float:
    """Object store that a training node needs: what its workers read ahead, and as much again on its way."""
    return 2 * plan.gpus_per_node * plan.batch * plan.row_bytes


def _needed(limit: Limit, plan: Plan) -> float:
    """GPUs that a limit must feed before it is in the way; of the cluster, a node's worth."""
    return 1 if limit.per == "GPU" else plan.gpus_per_node


def _between(place: float, places: list[int], values: list[float]) -> float:
    """A straight line between the points around a place; in proportion beyond the last."""
    return max(1.0, place / places[-1]) * float(np.interp(place, places, values))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
