"""The option of every job that computes networks: whether it does so on GPUs."""

from dataclasses import dataclass
from typing import Literal

Gpu = Literal["auto", "true", "false"]


@dataclass(kw_only=True)
class GpuOption:
    """Where networks compute.

    Attributes:
        gpu: ``true`` computes networks on GPUs, which a cluster without any is asked to start, and never on CPUs;
            ``false`` on CPUs; ``auto`` on the GPUs that are up when the work begins, and on CPUs where there is none.
    """

    gpu: Gpu = "auto"
