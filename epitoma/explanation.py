"""What a model saw in a video: every candidate with its score and picture, what was kept, and what that changed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from epitoma.errors import ConfigError
from epitoma.recogniser import Chosen, Prediction, Recogniser, check_budget
from epitoma.selection import all_valid
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video

PICTURE_SIZE = 160
"""Side of the pictures in pixels; they show what the networks see, the centre of the frame."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One video as a model saw it.

    Attributes:
        chosen: What was said after selection.
        dense: What the same model says of all candidates.
        alpha_T: The selector's score of every candidate.
        share_T: What each counted in the answer, 0 where it was not kept, 1 in all.
        seconds_T: When each is.
        duration_seconds: Length of the video.
        pictures_THWC: Each one's middle frame, uint8.
        concept_TN: Similarity of each to every concept kernel, standardised over the video: how much more it looks like
            the concept than the rest of the video does.
    """

    chosen: Prediction
    dense: Prediction
    alpha_T: np.ndarray
    share_T: np.ndarray
    seconds_T: np.ndarray
    duration_seconds: float
    pictures_THWC: np.ndarray
    concept_TN: np.ndarray

    def strongest_kernels(self, timestep: int, *, count: int = 3) -> list[int]:
        """Concept kernels that stand out most at a timestep, the strongest first."""
        return np.argsort(-self.concept_TN[timestep], kind="stable")[:count].tolist()


def explain(recogniser: Recogniser, video: str | Path, *, budget: int | None = None) -> Explanation:
    """Look at a video as the model does, and keep all that it goes by.

    Args:
        recogniser: The model.
        video: A file or an address.
        budget: Keep exactly this many timesteps; None leaves it to the gates.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: The model has no selector, or the budget is not a number of candidates.
    """
    if not recogniser.config.has_selector:
        raise ConfigError("this model was trained without a selector: there is no choice to explain")
    check_budget(budget, recogniser.config)
    index = index_video(video)
    timesteps = recogniser.looks.candidates(index)
    frames_THWC = recogniser.looks.glance(video, index, timesteps)
    chosen = recogniser.choose(frames_THWC, budget=budget)
    (pictures_THWC,) = decode_frames(video, index, timesteps.middle_frames_T, sizes=(PICTURE_SIZE,))
    return Explanation(
        chosen=recogniser.predict(video, budget=budget),
        dense=recogniser.predict_dense(video),
        alpha_T=chosen.alpha_T,
        share_T=_share(chosen),
        seconds_T=index.seconds_of(timesteps.middle_frames_T),
        duration_seconds=index.duration_seconds,
        pictures_THWC=pictures_THWC,
        concept_TN=standardised(concepts(recogniser, frames_THWC)),
    )


@torch.inference_mode()
def concepts(recogniser: Recogniser, frames_THWC: np.ndarray) -> np.ndarray:
    """Similarity of every candidate to every concept kernel, ``(T, N)``."""
    light_1TC = recogniser.light_features(frames_THWC)
    valid_1T = all_valid(*light_1TC.shape[:2], device=light_1TC.device)
    return recogniser.model.selector.concepts(light_1TC, valid_1T)[0][0].float().cpu().numpy()


def standardised(x_TN: np.ndarray) -> np.ndarray:
    """Deviation from the mean over timesteps, in standard deviations; 0 where there is no deviation."""
    deviation_1N = x_TN.std(axis=0, keepdims=True)
    return (x_TN - x_TN.mean(axis=0, keepdims=True)) / np.where(deviation_1N > 0, deviation_1N, 1.0)


def _share(chosen: Chosen) -> np.ndarray:
    return chosen.gate_T / chosen.gate_T.sum()
