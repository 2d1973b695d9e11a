"""What every way has in common: the head of the project, and how it is trained and asked."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from benchmarks.selectors.recipe import Learner
from benchmarks.selectors.videos import Videos
from epitoma.core.selection import FeatureCandidates, Selection
from epitoma.models.classifier import VideoClassifier
from epitoma.models.embedding import embedding
from epitoma.models.packing import pack
from epitoma.models.videoepitoma import selection_from_mask
from epitoma.training.losses import classification_loss

CHUNK = 100
HIDDEN_CHANNELS = 256


class Peer(Learner):
    """A way to choose timesteps, with a classifier of its own of the capacity that all have.

    Attributes:
        looks: Whether LightNet looks at every candidate.
    """

    looks = True

    def __init__(self, videos: Videos, *, dropout: float) -> None:
        super().__init__()
        self.classifier = VideoClassifier(
            VideoClassifier.Config(dropout=dropout),
            channels=videos.split.heavy_VTC.shape[2],
            classes=videos.split.labels_VL.shape[1],
        )

    @abstractmethod
    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """Which timesteps to look at closely."""

    def classify(self, candidates: FeatureCandidates, selection: Selection) -> Tensor:
        """Class scores ``(B, L)`` from the heavy features of selected timesteps."""
        logits_BL, _ = self.classifier(pack(candidates.heavy_BTC, selection.open_BT), selection)
        return logits_BL

    def settle(self, validation: Videos) -> None:
        """Set what is set on validation and not learnt; most ways have nothing of the kind."""

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores of videos where ``kept`` timesteps are kept, and how many really were on average."""
        logits, count = [], 0
        for candidates in videos.split.candidates.split(CHUNK):
            selection = self.choose(candidates, kept)
            logits.append(self.classify(candidates, selection))
            count += int(selection.count_B.sum())
        return torch.cat(logits), count / len(videos.split.video_ids)


def opened(open_BT: Tensor) -> Selection:
    """A selection in which all that is open counts alike."""
    return selection_from_mask(open_BT, torch.ones_like(open_BT))


def cross_entropy(logits_BL: Tensor, labels_BL: Tensor) -> Tensor:
    """Mean classification loss of a batch."""
    return classification_loss(logits_BL, labels_BL, multi_label=False).mean()


def frame_network(channels: int, outputs: int, *, dropout: float) -> nn.Module:
    """The network on light features that all ways have that look, but for the paper's and ours."""
    embed = embedding(channels, HIDDEN_CHANNELS, dropout=dropout)
    return nn.Sequential(*embed, nn.Dropout(dropout), nn.Linear(HIDDEN_CHANNELS, outputs))


def random_size(sizes: tuple[int, ...], candidates: FeatureCandidates, generator: torch.Generator) -> int:
    """One of the sizes, or all candidates where there are fewer."""
    size = sizes[int(torch.randint(len(sizes), (), generator=generator))]
    return min(size, candidates.valid_BT.shape[1])
