"""VideoEpitoma: look at everything lightly, select, look closely at the selected, classify."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor, nn

from epitoma.core.selection import Candidates, FeatureCandidates, PixelCandidates, Recognition, Selection
from epitoma.core.views import viewed
from epitoma.models.classifier import VideoClassifier
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.packing import pack, pad
from epitoma.models.saliency import LightGuess
from epitoma.models.selector import TimestepSelector
from epitoma.models.speed import Speed


@dataclass(kw_only=True)
class NetworksConfig:
    """The two networks that look at pixels."""

    light: LightNet.Config = field(default_factory=LightNet.Config)
    heavy: HeavyNet.Config = field(default_factory=HeavyNet.Config)


class Networks(nn.Module):
    """LightNet and HeavyNet side by side."""

    def __init__(self, config: NetworksConfig, *, pretrained: bool = True) -> None:
        super().__init__()
        self.light = LightNet(config.light, pretrained=pretrained)
        self.heavy = HeavyNet(config.heavy, pretrained=pretrained)

        self.run_as(Speed())

    def run_as(self, speed: Speed) -> None:
        """Choose how both run from now on, here and in every process they are sent to."""
        self.speed = speed
        self.light.run_as(speed)
        self.heavy.run_as(speed)


@dataclass(kw_only=True)
class HeadConfig:
    """What is trained on top of the two networks."""

    selector: TimestepSelector.Config = field(default_factory=TimestepSelector.Config)
    classifier: VideoClassifier.Config = field(default_factory=VideoClassifier.Config)


class VideoEpitoma(nn.Module):
    """Selector and classifier over two networks.

    The networks may be left out where candidates come as features (a feature store); everything else is the
    same code for features and for pixels.
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
        self.selector = TimestepSelector(config.selector, channels=light_channels, classes=classes)
        self.classifier = VideoClassifier(config.classifier, channels=heavy_channels, classes=classes)

    def forward(
        self,
        candidates: Candidates,
        *,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
        open_BT: Tensor | None = None,
    ) -> Recognition:
        """Recognise a batch of videos.

        Args:
            candidates: Candidate timesteps as pixels or as features.
            noise_BT: Logistic noise of the gates in training; None for inference.
            budget: Keep exactly this many timesteps a video. Where that is all of them, each still counts by its
                score.
            open_BT: Keep exactly these timesteps, in place of the selector's choice (uniform, random, dense).
        """
        valid_BT = candidates.valid_BT
        if open_BT is not None:
            return self.recognise(candidates, given_selection(open_BT & valid_BT, valid_BT))
        selection, guess = self.selector(
            self.light_features(candidates), valid_BT, noise_BT=noise_BT, budget=budget
        )
        return self.recognise(candidates, selection, guess)

    def recognise(
        self, candidates: Candidates, selection: Selection, guess: LightGuess | None = None
    ) -> Recognition:
        """Look closely at a selection that has been made, and classify.

        Args:
            candidates: Candidate timesteps.
            selection: Which of them to look at.
            guess: What LightNet made of them, if it was asked.
        """
        heavy_PC = self.heavy_features(candidates, selection.open_BT)
        logits_BL, frame_logits_PL = self.classifier(heavy_PC, selection)
        return Recognition(
            logits_BL=logits_BL,
            selection=selection,
            light_logits_BL=None if guess is None else guess.logits_BL,
            imitation_B=imitation(guess, frame_logits_PL, selection.open_BT),
        )

    def light_features(self, candidates: Candidates) -> Tensor:
        """LightNet's features of every candidate, ``(B, T, C)``."""
        if isinstance(candidates, FeatureCandidates):
            return candidates.light_BTC
        frames_BTCHW = candidates.frames_BTCHW
        if candidates.views_BA is not None:
            every_BT = torch.ones_like(candidates.valid_BT)
            seen = viewed(pack(frames_BTCHW, every_BT), views_of(candidates.views_BA, every_BT))
            frames_BTCHW = seen.view(frames_BTCHW.shape)
        return self._networks_for(candidates).light(frames_BTCHW)

    def heavy_features(self, candidates: Candidates, open_BT: Tensor) -> Tensor:
        """HeavyNet's features of open candidates and of no other, packed: ``(P, C)``."""
        if isinstance(candidates, FeatureCandidates):
            return pack(candidates.heavy_BTC, open_BT)
        snippets_PCMHW = pack(candidates.snippets_BTCMHW, open_BT)
        if candidates.views_BA is not None:
            snippets_PCMHW = viewed(snippets_PCMHW, views_of(candidates.views_BA, open_BT))
        return self._networks_for(candidates).heavy(snippets_PCMHW)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Weights of selector and classifier."""
        return chain(self.selector.parameters(), self.classifier.parameters())

    def _networks_for(self, candidates: PixelCandidates) -> Networks:
        if self.networks is None:
            raise ValueError(f"{type(candidates).__name__} need a model with its networks")
        return self.networks


def imitation(guess: LightGuess | None, frame_logits_PL: Tensor | None, open_BT: Tensor) -> Tensor | None:
    """How far LightNet's guess at each open timestep is from HeavyNet's, ``(B,)``; None where either has none.

    HeavyNet's guess is the teacher and gets no gradient: light features learn timestep by timestep where to
    look, from labels of whole videos alone.
    """
    if guess is None or frame_logits_PL is None:
        return None
    light_PL = pack(guess.frame_logits_BTL, open_BT)
    distance_PL = (light_PL - frame_logits_PL.detach()).square()
    distance_BK = pad(distance_PL.mean(dim=1, keepdim=True), open_BT).squeeze(-1)
    return distance_BK.sum(dim=1) / open_BT.sum(dim=1)


def views_of(views_BA: Tensor, open_BT: Tensor) -> Tensor:
    """Each open timestep's view, which is its video's, packed: ``(P, A)``."""
    return pack(views_BA[:, None].expand(-1, open_BT.shape[1], -1), open_BT)


def given_selection(open_BT: Tensor, valid_BT: Tensor) -> Selection:
    """A selection that no selector made: open where the mask says."""
    gate_BT = open_BT.to(torch.float32)
    return Selection(
        alpha_BT=torch.zeros_like(gate_BT),
        worth_BT=torch.zeros_like(gate_BT),
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
        classes: Names of the classes, in the order of the scores.
        multi_label: Whether a video may have several.
        timesteps: Candidate timesteps T that the model looks at in a video.
        has_selector: Whether its selector has learnt; False for a classifier that was trained without one.
    """

    networks: NetworksConfig
    head: HeadConfig
    classes: tuple[str, ...]
    multi_label: bool
    timesteps: int
    has_selector: bool = True


def build_model(config: ModelConfig, *, pretrained: bool = True) -> VideoEpitoma:
    """A whole model; ``pretrained=False`` leaves the networks' weights random, for weights that are loaded next."""
    return build_on(config, Networks(config.networks, pretrained=pretrained), keep_networks=True)


def build_on(config: ModelConfig, networks: Networks, *, keep_networks: bool) -> VideoEpitoma:
    """Selector and classifier sized for the networks, with or without the networks as parts of the model."""
    return VideoEpitoma(
        config.head,
        light_channels=networks.light.channels,
        heavy_channels=networks.heavy.channels,
        classes=len(config.classes),
        networks=networks if keep_networks else None,
    )
