"""What a model predicts of a video, and what its selector chose, as plain values that any process can be handed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from epitoma.core.selection import Selection


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of a video, where it looked, and what that took.

    Attributes:
        video: The file.
        label: The class of the highest score.
        scores: Score of every class, 0 to 1, best first; where a video may have several classes, each by itself.
        timesteps: Which of the candidates were kept, by their number.
        seconds: When those are, in seconds since the first frame: the frames that LightNet looked at.
        alpha: The selector's score of each of them.
        candidates: How many timesteps there were to choose among.
        gmacs: Computation spent.
        milliseconds: Time spent on ``decoding``, ``light`` (with the selector) and ``heavy`` (with the classifier).
    """

    video: str
    label: str
    scores: Mapping[str, float]
    timesteps: tuple[int, ...]
    seconds: tuple[float, ...]
    alpha: tuple[float, ...]
    candidates: int
    gmacs: float
    milliseconds: Mapping[str, float]

    def record(self, *, top: int, min_score: float) -> dict[str, Any]:
        """What tables and servers tell of it, in plain lists and numbers.

        Args:
            top: Labels that are told, at most.
            min_score: Labels of a lower score are not told.
        """
        told = [each for each in self.scores.items() if each[1] >= min_score][:top]
        return {
            "labels": [label for label, _ in told],
            "scores": [score for _, score in told],
            "timesteps": list(self.timesteps),
            "seconds": list(self.seconds),
            "alpha": list(self.alpha),
            "candidates": self.candidates,
            "gmacs": self.gmacs,
        }


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a selector made of a video's candidates, as plain arrays that any process can be handed.

    Attributes:
        alpha_T: Score of every candidate, float32.
        gate_T: What each counts, float32; 0 where it is not kept.
        light_has_run: Whether LightNet looked at all of them for this; False where all were taken unseen.
    """

    alpha_T: np.ndarray
    gate_T: np.ndarray
    light_has_run: bool = True

    @classmethod
    def of(cls, selection: Selection) -> "Chosen":
        """From a selection of one video."""
        alpha_T, gate_T = (t[0].float().cpu().numpy() for t in (selection.alpha_BT, selection.gate_BT))
        return cls(alpha_T=alpha_T, gate_T=gate_T)

    @classmethod
    def everything(cls, timesteps: int) -> "Chosen":
        """All candidates, each counting as much as the others."""
        none_T, all_T = np.zeros(timesteps, np.float32), np.ones(timesteps, np.float32)
        return cls(alpha_T=none_T, gate_T=all_T, light_has_run=False)

    @property
    def kept(self) -> np.ndarray:
        """Numbers of the candidates that are kept."""
        return np.flatnonzero(self.gate_T > 0)

    def selection(self, device: torch.device) -> Selection:
        """As the classifier takes it."""
        alpha_1T, gate_1T = (torch.from_numpy(a.copy())[None].to(device) for a in (self.alpha_T, self.gate_T))
        return Selection(
            alpha_BT=alpha_1T,
            worth_BT=alpha_1T,
            gate_BT=gate_1T,
            open_probability_BT=(gate_1T > 0).float(),
            valid_BT=torch.ones_like(gate_1T, dtype=torch.bool),
        )
