"""The classifier of all peers: the project's own, to which every kept timestep counts alike."""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Selection
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.embedding import WIDTH, embedding


@register("classifier", "plain")
class PlainClassifier(EpitomaClassifier):
    """Sees which timesteps are open, and not by how much: no gradient reaches the selector from here."""

    @dataclass(kw_only=True)
    class Config(EpitomaClassifier.Config):
        """As of the project's own."""

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify, with gates of 1."""
        return super().forward(heavy_PC, replace(selection, gate_BT=selection.open_BT.float()))


def frame_network(channels: int, outputs: int, *, dropout: float) -> nn.Module:
    """The network on light features that all peers have that look."""
    embed = embedding(channels, dropout=dropout)
    return nn.Sequential(*embed, nn.Dropout(dropout), nn.Linear(WIDTH, outputs))
