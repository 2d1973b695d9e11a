"""Cost in GMACs of the model, counted on the operators that run in a forward pass."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from epitoma.core.selection import all_valid
from epitoma.models.backbone import Backbone
from epitoma.models.selector import TimestepSelector
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import HeadConfig, Networks, VideoEpitoma, selection_from_mask


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one video at T candidates and T' kept timesteps by stage, in GMACs.

    Attributes:
        light_net: LightNet on every candidate.
        context: Self-attention of the selector.
        gating: Rest of the selector, which of another than VideoEpitoma's is all of it.
        heavy: HeavyNet on the kept timesteps.
        classifier: Classifier on the kept timesteps.
    """

    light_net: float
    context: float
    gating: float
    heavy: float
    classifier: float

    @property
    def light(self) -> float:
        """Cost of selection: LightNet and selector."""
        return self.light_net + self.context + self.gating

    @property
    def total(self) -> float:
        """Cost of all stages."""
        return self.light + self.heavy + self.classifier


@dataclass(frozen=True, kw_only=True)
class NetworksCost:
    """Cost of the networks for one timestep, in GMACs, and the width of their features.

    Attributes:
        light: LightNet on one candidate.
        heavy: HeavyNet on one kept timestep.
        light_channels: Channels of LightNet's features.
        heavy_channels: Channels of HeavyNet's features.
    """

    light: float
    heavy: float
    light_channels: int
    heavy_channels: int


class CostModel:
    """Cost of a model as a function of kept timesteps.

    Args:
        model: Selector and classifier, which are counted; a copy is kept.
        each: Cost of the networks for one timestep.
        candidates: Number of candidates, T.
    """

    def __init__(self, model: VideoEpitoma, each: NetworksCost, *, candidates: int) -> None:
        model = copy.deepcopy(model).cpu().eval()
        self._model = model
        self._each = each
        self._classifier_gmacs: dict[int, float] = {}
        self.light_net = candidates * each.light
        self.context, self.gating = _selector_gmacs(
            model, candidates=candidates, channels=each.light_channels
        )

    def among(self, candidates: int) -> "CostModel":
        """Cost of the same model at another number of candidates."""
        return CostModel(self._model, self._each, candidates=candidates)

    def at(self, kept: int, *, selected: bool = True) -> Cost:
        """Cost at this number of kept timesteps; ``selected=False`` leaves out LightNet and selector."""
        if kept not in self._classifier_gmacs:
            heavy_PC = torch.zeros(kept, self._each.heavy_channels)
            selection = selection_from_mask(all_valid(1, kept), all_valid(1, kept))
            self._classifier_gmacs[kept] = gmacs(self._model.classifier, heavy_PC, selection)
        return Cost(
            light_net=self.light_net if selected else 0.0,
            context=self.context if selected else 0.0,
            gating=self.gating if selected else 0.0,
            heavy=kept * self._each.heavy,
            classifier=self._classifier_gmacs[kept],
        )


def cost_of(networks: Networks, head: HeadConfig, *, candidates: int, classes: int) -> CostModel:
    """Cost of networks with an untrained selector and classifier of this config."""
    model = VideoEpitoma(
        head,
        light_channels=networks.light.channels,
        heavy_channels=networks.heavy.channels,
        classes=classes,
    )
    return CostModel(model, networks_cost(networks), candidates=candidates)


def networks_cost(networks: Networks) -> NetworksCost:
    """Cost of one timestep in each network."""
    return NetworksCost(
        light=network_gmacs(networks.light, blank_frame(networks)),
        heavy=network_gmacs(networks.heavy, blank_snippet(networks)),
        light_channels=networks.light.channels,
        heavy_channels=networks.heavy.channels,
    )


def gmacs(run: Callable[..., object], *inputs: object) -> float:
    """Multiply-accumulates of convolutions and matrix products in one forward pass, in units of 1e9.

    Attention runs as two matrix products here, because the counter does not know the fused kernels.
    """
    # Imported here, because it imports Triton, which takes a third of a second in every process.
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run(*inputs)
    # The counter counts a multiplication and an addition as two.
    return counter.get_total_flops() / 2 / 1e9


def network_gmacs(network: Backbone, pixels: Tensor) -> float:
    """Multiply-accumulates of a network in units of 1e9, from shapes alone, on the meta device."""
    network = copy.deepcopy(network).to("meta").eval()
    network.run_as(Speed())
    return gmacs(network, pixels.to("meta"))


def blank_frame(networks: Networks) -> Tensor:
    """LightNet's input for one timestep, zeros, ``(1, 1, 3, H, W)``."""
    size = networks.light.input.size
    return torch.zeros(1, 1, 3, size, size, dtype=torch.uint8)


def blank_snippet(networks: Networks) -> Tensor:
    """HeavyNet's input for one timestep, zeros, ``(1, 3, M, H, W)``."""
    spec = networks.heavy.input
    return torch.zeros(1, 3, spec.frames, spec.size, spec.size, dtype=torch.uint8)


def _selector_gmacs(model: VideoEpitoma, *, candidates: int, channels: int) -> tuple[float, float]:
    """Cost of the selector's context, and of all the rest of selection."""
    selector, light_1TC = model.selector, torch.zeros(1, candidates, channels)
    whole = gmacs(model.select, light_1TC, all_valid(1, candidates))
    if not isinstance(selector, TimestepSelector) or selector.context is None:
        return 0.0, whole
    width = selector.concept_kernels.kernels_NC.shape[1]
    context = gmacs(selector.context, torch.zeros(1, candidates, width), torch.ones(1, candidates))
    return context, whole - context
