"""The paper's Table 1: GMACs of VideoEpitoma at 16 timesteps, counted exactly and by the paper's convention.

The paper does not state how it counts. These rules reproduce its numbers, reverse-engineered:

1. A network is counted as published, with its classification layer.
2. In 3D networks, batch normalisation counts one operation an element.
3. In I3D, convolutions of 1x1x1 do not count.
4. In the classifier, the four projections of its self-attention count, at the 2048 channels of ResNet2D and at all
   candidates, shut ones included, for every HeavyNet.

Source: VideoEpitoma, table 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor, nn

from epitoma.core.progress import Watch
from epitoma.core.selection import all_valid
from epitoma.cost.decoding import Passes
from epitoma.cost.gmacs import cost_of, gmacs
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.paper import paper_head
from epitoma.models.trunk import Trunk, build_trunk
from epitoma.models.videoepitoma import Networks, NetworksConfig, VideoEpitoma

Convention = Literal["exact", "paper"]
CANDIDATES = 16
KEPT = (16, 8)
"""Timesteps that HeavyNet runs on: all without a selector, half of them with one."""

# Networks with the number of classes of their published classification layers.
_HEAVY = {"resnet2d": ("resnet50_v1", 1000), "shufflenet3d": ("shufflenet3d", 600), "i3d": ("i3d", 400)}
_LIGHT = ("mobilenetv3_small_100", 1000)
_CLASSIFIER_CHANNELS = 2048
_KERNELS = 128
_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One entry of the table; costs in GMACs, decoding in CPU milliseconds.

    Attributes:
        heavy: Name of the HeavyNet in the table.
        timesteps: Timesteps that HeavyNet runs on, of 16.
        convention: How operations were counted.
        light_gating: LightNet, context, concept kernels and gating; 0 without a selector.
        heavynet: HeavyNet.
        classifier: VideoClassifier.
        total: Sum of the three.
        decode_ms: Decoding, measured on one video; None where it was not measured.
    """

    heavy: str
    timesteps: int
    convention: Convention
    light_gating: float
    heavynet: float
    classifier: float
    total: float
    decode_ms: float | None = None


def table1(*, watch: Watch) -> list[TableRow]:
    """Count every HeavyNet alone at 16 timesteps and with the selector at 8, in both conventions."""
    rows: list[TableRow] = []
    light, head = paper_light_gating(), paper_classifier()
    for heavy in _HEAVY:
        rows += [*_exact_rows(heavy), *_paper_rows(heavy, light=light, head=head)]
        watch(len(rows), 2 * len(KEPT) * len(_HEAVY))
    return rows


def table_passes() -> dict[tuple[str, int], Passes]:
    """What every HeavyNet decodes of a video at its numbers of timesteps; it is the same in both conventions."""
    light = build_trunk(_LIGHT[0]).input
    inputs = {heavy: build_trunk(name).input for heavy, (name, _) in _HEAVY.items()}
    return {
        (heavy, kept): Passes(
            candidates=CANDIDATES,
            kept=kept,
            light=light if kept < CANDIDATES else None,
            heavy=inputs[heavy],
        )
        for heavy, kept in product(inputs, KEPT)
    }


def with_decoding(rows: Sequence[TableRow], milliseconds: Mapping[tuple[str, int], float]) -> list[TableRow]:
    """Add what decoding costs to rows, by HeavyNet and timesteps."""
    return [replace(row, decode_ms=milliseconds[row.heavy, row.timesteps]) for row in rows]


def as_json(rows: Sequence[TableRow]) -> list[dict[str, Any]]:
    """Rows as plain values, rounded in the paper's convention to hundredths of a GMAC as in the paper."""
    digits: dict[Convention, int] = {"paper": 2, "exact": 6}
    return [
        {
            key: round(value, digits[row.convention]) if isinstance(value, float) else value
            for key, value in asdict(row).items()
        }
        for row in rows
    ]


def _exact_rows(heavy: str) -> list[TableRow]:
    networks = Networks(
        NetworksConfig(
            light=LightNet.Config(name=_LIGHT[0], weights="random"),
            heavy=HeavyNet.Config(name=_HEAVY[heavy][0], weights="random"),
        )
    )
    head = paper_head(kernels=_KERNELS)
    cost = cost_of(networks, head, candidates=CANDIDATES, classes=_CLASSES)
    costs = [(kept, cost.at(kept, selected=kept < CANDIDATES)) for kept in KEPT]
    return [
        TableRow(
            heavy=heavy,
            timesteps=kept,
            convention="exact",
            light_gating=cost.light,
            heavynet=cost.heavy,
            classifier=cost.classifier,
            total=cost.total,
        )
        for kept, cost in costs
    ]


def _paper_rows(heavy: str, *, light: float, head: float) -> list[TableRow]:
    each = paper_heavy_net(heavy)
    rows = []
    for kept in KEPT:
        choosing = light if kept < CANDIDATES else 0.0
        rows.append(
            TableRow(
                heavy=heavy,
                timesteps=kept,
                convention="paper",
                light_gating=choosing,
                heavynet=kept * each,
                classifier=head,
                total=choosing + kept * each + head,
            )
        )
    return rows


def paper_light_gating() -> float:
    """GMACs of LightNet and selector at 16 candidates, by rule 1."""
    name, classes = _LIGHT
    trunk = build_trunk(name)
    head = paper_head(kernels=_KERNELS)
    model = VideoEpitoma(
        head, light_channels=trunk.channels, heavy_channels=_CLASSIFIER_CHANNELS, classes=_CLASSES
    )
    choosing = gmacs(
        model.eval().select, torch.zeros(1, CANDIDATES, trunk.channels), all_valid(1, CANDIDATES)
    )
    return CANDIDATES * _published_gmacs(trunk, classes=classes) + choosing


def paper_heavy_net(heavy: str) -> float:
    """GMACs of HeavyNet for one timestep, by rules 1 to 3."""
    name, classes = _HEAVY[heavy]
    trunk = build_trunk(name)
    total = _published_gmacs(trunk, classes=classes)
    if trunk.takes_snippets:
        total += _sum_over(trunk, nn.BatchNorm3d, lambda norm, out: out.numel()) / 1e9
    if heavy == "i3d":
        total -= _sum_over(trunk, nn.Conv3d, _pointwise_macs) / 1e9
    return total


def paper_classifier() -> float:
    """GMACs of the classifier, by rule 4."""
    attention = TemporalSelfAttention(channels=_CLASSIFIER_CHANNELS)
    into, out = attention.query_key_value, attention.out
    return gmacs(into, torch.zeros(CANDIDATES, into.in_features)) + gmacs(
        out, torch.zeros(CANDIDATES, out.in_features)
    )


def _published_gmacs(trunk: Trunk, *, classes: int) -> float:
    """GMACs of one forward pass of a network with its classification layer."""
    return gmacs(trunk.net.to("meta").eval(), _blank(trunk)) + trunk.channels * classes / 1e9


def _blank(trunk: Trunk) -> Tensor:
    size, frames = trunk.input.size, trunk.input.frames
    shape = (1, 3, frames, size, size) if trunk.takes_snippets else (1, 3, size, size)
    return torch.zeros(shape, device="meta")


def _sum_over(trunk: Trunk, kind: type[nn.Module], count: Callable[[Any, Tensor], float]) -> float:
    """Sum of a count over all modules of a type, from their outputs in one forward pass."""
    counts: list[float] = []
    handles = [
        module.register_forward_hook(lambda module, _, out: counts.append(count(module, out)))
        for module in trunk.net.modules()
        if isinstance(module, kind)
    ]
    with torch.no_grad():
        trunk.net.to("meta").eval()(_blank(trunk))
    for handle in handles:
        handle.remove()
    return sum(counts)


def _pointwise_macs(convolution: nn.Conv3d, out: Tensor) -> float:
    is_pointwise = all(size == 1 for size in convolution.kernel_size)
    return out.numel() * convolution.in_channels / convolution.groups if is_pointwise else 0.0
