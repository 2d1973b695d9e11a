"""Prediction of a video, and the selector's choice, as plain values and NumPy arrays that any process can unpickle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from epitoma.core.selection import Selection


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A model's prediction of a video, with the kept timesteps and the cost.

    Attributes:
        video: Path or address of the video.
        label: Class with the highest score.
        scores: Score of every class, 0 to 1, best first; a softmax, or independent sigmoids for a multi-label model.
        timesteps: Numbers of the kept candidates.
        seconds: Times of their middle frames, in seconds since the first frame of the video.
        alpha: The selector's scores of the kept candidates.
        candidates: Number of candidate timesteps.
        gmacs: Computation in GMACs.
        milliseconds: Time of ``decoding``, ``light`` (with the selector) and ``heavy`` (with the classifier).
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
        """Convert to lists and numbers, for tables and servers.

        Args:
            top: Most labels to include.
            min_score: Leave out labels with a score below this.
        """
        shown = [each for each in self.scores.items() if each[1] >= min_score][:top]
        return {
            "labels": [label for label, _ in shown],
            "scores": [score for _, score in shown],
            "timesteps": list(self.timesteps),
            "seconds": list(self.seconds),
            "alpha": list(self.alpha),
            "candidates": self.candidates,
            "gmacs": self.gmacs,
        }


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A selection of one video's candidates as NumPy arrays.

    Attributes:
        alpha_T: Score of every candidate, float32.
        gate_T: Gate of every candidate, float32: 1 where it is kept, else 0.
        light_has_run: Whether LightNet ran on the candidates; False where all were kept without a selector.
    """

    alpha_T: np.ndarray
    gate_T: np.ndarray
    light_has_run: bool = True

    @classmethod
    def of(cls, selection: Selection) -> "Chosen":
        """Convert a selection with a batch of one video."""
        alpha_T, gate_T = (t[0].float().cpu().numpy() for t in (selection.alpha_BT, selection.gate_BT))
        return cls(alpha_T=alpha_T, gate_T=gate_T)

    @classmethod
    def everything(cls, timesteps: int) -> "Chosen":
        """Keep all candidates."""
        none_T, all_T = np.zeros(timesteps, np.float32), np.ones(timesteps, np.float32)
        return cls(alpha_T=none_T, gate_T=all_T, light_has_run=False)

    @property
    def kept(self) -> np.ndarray:
        """Numbers of the kept candidates."""
        return np.flatnonzero(self.gate_T > 0)

    def selection(self, device: torch.device) -> Selection:
        """Convert to the classifier's input, a batch of one video."""
        alpha_1T, gate_1T = (torch.from_numpy(a.copy())[None].to(device) for a in (self.alpha_T, self.gate_T))
        return Selection(
            alpha_BT=alpha_1T,
            gate_BT=gate_1T,
            open_probability_BT=(gate_1T > 0).float(),
            valid_BT=torch.ones_like(gate_1T, dtype=torch.bool),
        )
