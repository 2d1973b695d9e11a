"""What recognition costs, in GMACs, by counting the operators that really run."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from epitoma.models.videoepitoma import Networks, VideoEpitoma, given_selection
from epitoma.selection import all_valid


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one video at T candidates and T' kept timesteps, in GMACs.

    Attributes:
        light: LightNet on every candidate, with context attention, concept kernels and gating.
        heavy: HeavyNet on the kept timesteps.
        classifier: Classifier on the kept timesteps.
    """

    light: float
    heavy: float
    classifier: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.light + self.heavy + self.classifier


class CostModel:
    """Cost as a function of kept timesteps, counted once for a model and a number of candidates."""

    def __init__(self, model: VideoEpitoma, networks: Networks, *, candidates: int) -> None:
        model, networks = copy.deepcopy(model).cpu().eval(), copy.deepcopy(networks).cpu().eval()
        self._classifier = model.classifier
        self._heavy_channels = networks.heavy.channels
        self._classifier_gmacs: dict[int, float] = {}
        self.heavy_per_timestep = gmacs(networks.heavy, blank_snippet(networks))
        light_1TC = torch.zeros(1, candidates, networks.light.channels)
        self.light = candidates * gmacs(networks.light, blank_frame(networks)) + gmacs(
            model.selector, light_1TC, all_valid(1, candidates)
        )

    def at(self, kept: int, *, selected: bool = True) -> Cost:
        """Cost where ``kept`` timesteps are kept; ``selected=False`` leaves LightNet and gating out."""
        if kept not in self._classifier_gmacs:
            heavy_PC = torch.zeros(kept, self._heavy_channels)
            selection = given_selection(all_valid(1, kept), all_valid(1, kept))
            self._classifier_gmacs[kept] = gmacs(self._classifier, heavy_PC, selection)
        return Cost(
            light=self.light if selected else 0.0,
            heavy=kept * self.heavy_per_timestep,
            classifier=self._classifier_gmacs[kept],
        )


def gmacs(module: nn.Module, *inputs: object) -> float:
    """Multiply-accumulates of one forward pass, in units of 1e9: convolutions and matrix products.

    Attention is made to run as its two matrix products, because the counter does not know the fused kernels.
    """
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() / 2 / 1e9


def blank_frame(networks: Networks) -> Tensor:
    """One timestep as LightNet sees it, ``(1, 1, 3, H, W)``."""
    size = networks.light.input.size
    return torch.zeros(1, 1, 3, size, size, dtype=torch.uint8)


def blank_snippet(networks: Networks) -> Tensor:
    """One timestep as HeavyNet sees it, ``(1, 3, M, H, W)``."""
    spec = networks.heavy.input
    return torch.zeros(1, 3, spec.frames, spec.size, spec.size, dtype=torch.uint8)
