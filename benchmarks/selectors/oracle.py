"""A selector that is told the evidence: what a perfect choice would give."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmarks.selectors.plain import PlainClassifier
from benchmarks.selectors.videos import Splits, Videos
from epitoma.core.registry import register
from epitoma.core.selection import Scores, Selection
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.parts import SelectorConfig

SURE = 100.0


@register("selector", "oracle")
class Oracle(nn.Module):
    """Keeps evidence, of which it is told in place of light features; noise says which of it."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """No options."""

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score evidence high, and all else low."""
        return Scores(alpha_BT=SURE * (2 * light_BTC[..., 0] - 1))


@register("classifier", "evidence_only")
class EvidenceOnly(PlainClassifier):
    """Sees what is evidence of the open timesteps, where more are asked for than there are."""

    @dataclass(kw_only=True)
    class Config(EpitomaClassifier.Config):
        """As of the project's own."""

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify; timesteps that are no evidence weigh next to nothing."""
        gate_BT = torch.where(selection.alpha_BT < 0, 1e-6, 1.0) * selection.open_BT
        return EpitomaClassifier.forward(self, heavy_PC, replace(selection, gate_BT=gate_BT))


def told(splits: Splits) -> Splits:
    """The same videos, with their evidence in place of light features."""
    return Splits(
        training=_told(splits.training), validation=_told(splits.validation), test=_told(splits.test)
    )


def _told(videos: Videos) -> Videos:
    chance_VT = torch.rand(videos.evidence_VT.shape, generator=torch.Generator().manual_seed(0))
    shown_VT = shown_by(videos.evidence_VT, chance_VT)
    split = replace(videos.split, light_VTC=shown_VT.float()[..., None])
    return Videos(split=split, evidence_VT=shown_VT)


def shown_by(evidence_BT: Tensor, chance_BT: Tensor) -> Tensor:
    """Where a video shows what it is: its evidence, or anywhere if it has none (its label is the filler's).

    Anywhere is as often as some other video has evidence, as the number would tell the class otherwise.
    """
    count_B = evidence_BT.sum(dim=1)
    counts = count_B[count_B > 0]
    if not len(counts):
        return torch.ones_like(evidence_BT)
    borrowed_B = counts[(chance_BT[:, 0] * len(counts)).long()]
    rank_BT = chance_BT.argsort(dim=1).argsort(dim=1)
    return torch.where(count_B[:, None] > 0, evidence_BT, rank_BT < borrowed_B[:, None])
