"""The five arms, which start from one model and train equally long: what is trained, and what reaches the gates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from epitoma.core.registry import register
from epitoma.core.selection import Selection
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.videoepitoma import VideoEpitoma


@register("classifier", "videoepitoma_detached")
class DetachedClassifier(EpitomaClassifier):
    """Sees the gates, and gives them no gradient: what they choose is not told to them by what comes of it."""

    @dataclass(kw_only=True)
    class Config(EpitomaClassifier.Config):
        """As of the project's own."""

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify by detached gates."""
        return super().forward(heavy_PC, replace(selection, gate_BT=selection.gate_BT.detach()))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What one arm trains.

    Attributes:
        about: In words.
        light: Whether LightNet is trained.
        heavy: Whether HeavyNet is.
        selector: Whether the selector is.
        detached: Whether the gates are cut off from the classifier.
    """

    about: str
    light: bool = True
    heavy: bool = True
    selector: bool = True
    detached: bool = False

    def freeze(self, model: VideoEpitoma) -> None:
        """Leave what is trained to be trained."""
        assert model.networks is not None
        model.networks.light.requires_grad_(self.light)
        model.networks.heavy.requires_grad_(self.heavy)
        model.selector.requires_grad_(self.selector)


ARMS: Mapping[str, Arm] = {
    "frozen": Arm(about="networks frozen, selector and classifier trained on", light=False, heavy=False),
    "all": Arm(about="everything"),
    "heavy_only": Arm(about="HeavyNet and classifier alone", light=False, selector=False),
    "detached": Arm(about="everything, gates detached from the classifier", detached=True),
    "heavy_frozen": Arm(about="HeavyNet frozen, gradients through the gates", heavy=False),
}


def with_selector_of(model: VideoEpitoma, chooser: VideoEpitoma) -> None:
    """Put another model's LightNet, selector and gating in front of a model's HeavyNet and classifier."""
    assert model.networks is not None
    assert chooser.networks is not None
    model.selector, model.gating = chooser.selector, chooser.gating
    model.networks.light = chooser.networks.light
