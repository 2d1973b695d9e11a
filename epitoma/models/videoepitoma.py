"""VideoEpitoma: the whole model, from candidate timesteps through LightNet, selector and HeavyNet to class logits."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from epitoma.core.registry import registered
from epitoma.core.selection import (
    Candidates,
    Classified,
    FeatureCandidates,
    PixelCandidates,
    Recognition,
    Scores,
    Selection,
)
from epitoma.core.views import apply_views
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.gating import Gating
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.packing import pack
from epitoma.models.parts import ClassifierConfig, SelectorConfig
from epitoma.models.selector import EpitomaSelector
from epitoma.models.speed import Speed


@dataclass(kw_only=True)
class NetworksConfig:
    """Config of the two networks on pixels."""

    light: LightNet.Config = field(default_factory=LightNet.Config)
    heavy: HeavyNet.Config = field(default_factory=HeavyNet.Config)


class Networks(nn.Module):
    """LightNet and HeavyNet together."""

    def __init__(self, config: NetworksConfig, *, pretrained: bool = True) -> None:
        super().__init__()
        self.light = LightNet(config.light, pretrained=pretrained)
        self.heavy = HeavyNet(config.heavy, pretrained=pretrained)

        self.run_as(Speed())

    def fold(self) -> None:
        """Fold the batch normalisation of both networks, for inference (see :meth:`Backbone.fold`)."""
        self.light.fold()
        self.heavy.fold()

    def run_as(self, speed: Speed) -> None:
        """Set how both networks run from now on, in this process and in every process they are pickled to."""
        self.speed = speed
        self.light.run_as(speed)
        self.heavy.run_as(speed)


@dataclass(kw_only=True)
class HeadConfig:
    """Config of selector, gating and classifier, which are trained on top of the two networks.

    Attributes:
        selector: Options of the selector; their class says which selector it is.
        gating: How timesteps are opened on the selector's scores.
        classifier: Options of the classifier; their class says which classifier it is.
    """

    selector: SelectorConfig = field(default_factory=EpitomaSelector.Config)
    gating: Gating.Config = field(default_factory=Gating.Config)
    classifier: ClassifierConfig = field(default_factory=EpitomaClassifier.Config)


class VideoEpitoma(nn.Module):
    """Selector and classifier on top of two networks.

    The networks may be left out where candidates are given as features (from a feature store); all other code is the
    same for features and for pixels.

    Args:
        config: Config of selector and classifier.
        light_channels: Channels of LightNet's features.
        heavy_channels: Channels of HeavyNet's features.
        classes: Number of classes.
        networks: LightNet and HeavyNet, where they are part of the model.
    """

    def __init__(
        self,
        config: HeadConfig,
        *,
        light_channels: int,
        heavy_channels: int,
        classes: int,
        networks: Networks | None = None,
    ) -> None:
        super().__init__()
        self.networks = networks
        self.selector = _part(config.selector, channels=light_channels, classes=classes)
        self.gating = Gating(config.gating)
        self.classifier = _part(config.classifier, channels=heavy_channels, classes=classes)

    def forward(
        self,
        candidates: Candidates,
        *,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
        open_BT: Tensor | None = None,
    ) -> Recognition:
        """Select timesteps of a batch of videos and classify the videos.

        Args:
            candidates: Candidate timesteps as pixels or as features.
            noise_BT: Logistic noise of the gates in training; None at inference.
            budget: Keep exactly this many timesteps a video.
            open_BT: Keep exactly these timesteps instead of the selector's choice (uniform, random, dense); LightNet
                does not run then.
        """
        valid_BT = candidates.valid_BT
        if open_BT is not None:
            return self.recognise(candidates, selection_from_mask(open_BT & valid_BT, valid_BT))
        light_BTC = self.light_features(candidates)
        selection, scores = self.select(light_BTC, valid_BT, noise_BT=noise_BT, budget=budget)
        recognition = self.recognise(candidates, selection)
        extras = {**scores.extras, **recognition.extras}
        return replace(recognition, light_logits_BL=scores.light_logits_BL, extras=extras)

    def select(
        self,
        light_BTC: Tensor,
        valid_BT: Tensor,
        *,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
    ) -> tuple[Selection, Scores]:
        """Select timesteps from light features; arguments as in :meth:`Gating.forward`."""
        scores = self.selector(light_BTC, valid_BT)
        return self.gating(scores.alpha_BT, valid_BT, noise_BT=noise_BT, budget=budget), scores

    def recognise(self, candidates: Candidates, selection: Selection) -> Recognition:
        """Run HeavyNet on a given selection, and classify.

        Args:
            candidates: Candidate timesteps.
            selection: Which of them are open.
        """
        heavy_PC = self.heavy_features(candidates, selection.open_BT)
        said = self.classifier(heavy_PC, selection)
        if isinstance(said, Classified):
            return Recognition(logits_BL=said.logits_BL, selection=selection, extras=said.extras)
        return Recognition(logits_BL=said, selection=selection)

    def light_features(self, candidates: Candidates) -> Tensor:
        """LightNet's features of every candidate, ``(B, T, C)``."""
        if isinstance(candidates, FeatureCandidates):
            return candidates.light_BTC
        frames_BTCHW = candidates.frames_BTCHW
        if candidates.views_BA is not None:
            # `apply_views` takes packed frames: here every candidate is packed, padding included.
            every_BT = torch.ones_like(candidates.valid_BT)
            seen = apply_views(pack(frames_BTCHW, every_BT), packed_views(candidates.views_BA, every_BT))
            frames_BTCHW = seen.view(frames_BTCHW.shape)
        return self._networks_for(candidates).light(frames_BTCHW)

    def heavy_features(self, candidates: Candidates, open_BT: Tensor) -> Tensor:
        """HeavyNet's features of the open candidates only, packed: ``(P, C)``."""
        if isinstance(candidates, FeatureCandidates):
            return pack(candidates.heavy_BTC, open_BT)
        snippets_PCMHW = pack(candidates.snippets_BTCMHW, open_BT)
        if candidates.views_BA is not None:
            snippets_PCMHW = apply_views(snippets_PCMHW, packed_views(candidates.views_BA, open_BT))
        return self._networks_for(candidates).heavy(snippets_PCMHW)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Weights of selector and classifier."""
        return chain(self.selector.parameters(), self.classifier.parameters())

    def network_parameters(self) -> Iterator[nn.Parameter]:
        """Weights of LightNet and HeavyNet; none where the model has no networks."""
        return iter(()) if self.networks is None else self.networks.parameters()

    def _networks_for(self, candidates: PixelCandidates) -> Networks:
        if self.networks is None:
            raise ValueError(f"{type(candidates).__name__} need a model with its networks")
        return self.networks


def _part(config: SelectorConfig | ClassifierConfig, *, channels: int, classes: int) -> Any:
    """The part that a config is of."""
    return registered(config.kind, config.part)(config, channels=channels, classes=classes)


def packed_views(views_BA: Tensor, open_BT: Tensor) -> Tensor:
    """View of each open timestep, which is that of its video, packed: ``(P, A)``."""
    return pack(views_BA[:, None].expand(-1, open_BT.shape[1], -1), open_BT)


def selection_from_mask(open_BT: Tensor, valid_BT: Tensor) -> Selection:
    """Make a selection from a mask instead of a selector: gates of 1 where it is True, scores of 0."""
    gate_BT = open_BT.to(torch.float32)
    return Selection(
        alpha_BT=torch.zeros_like(gate_BT),
        gate_BT=gate_BT,
        open_probability_BT=gate_BT,
        valid_BT=valid_BT,
    )


@dataclass(kw_only=True)
class ModelConfig:
    """Everything needed to build a trained model again.

    Attributes:
        networks: LightNet and HeavyNet.
        head: Selector and classifier.
        classes: Names of the classes, in the order of the logits.
        multi_label: Whether a video may have several classes.
        timesteps: Candidate timesteps of a video, T.
        has_selector: Whether the selector was trained; False for a classifier that was trained without one.
        plugin: Modules that register parts which the model has.
    """

    networks: NetworksConfig
    head: HeadConfig
    classes: tuple[str, ...]
    multi_label: bool
    timesteps: int
    has_selector: bool = True
    plugin: tuple[str, ...] = ()


def build_model(config: ModelConfig, *, pretrained: bool = True) -> VideoEpitoma:
    """Build a whole model; with ``pretrained=False`` its networks have random weights until a state dict is loaded."""
    return build_for_networks(config, Networks(config.networks, pretrained=pretrained), keep_networks=True)


def build_for_networks(config: ModelConfig, networks: Networks, *, keep_networks: bool) -> VideoEpitoma:
    """Build selector and classifier for given networks, which become part of the model if ``keep_networks``."""
    return VideoEpitoma(
        config.head,
        light_channels=networks.light.channels,
        heavy_channels=networks.heavy.channels,
        classes=len(config.classes),
        networks=networks if keep_networks else None,
    )
