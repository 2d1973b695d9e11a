"""Explanation of a prediction: score and picture of every candidate, and the prediction without selection."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from epitoma.core.errors import ConfigError
from epitoma.core.selection import all_valid
from epitoma.inference.prediction import Prediction
from epitoma.inference.predictor import Predictor
from epitoma.models.parts import HasConcepts
from epitoma.models.standardise import standardised
from epitoma.video.decode import decode_frames

PICTURE_SIZE = 160
"""Side of the pictures in pixels; like the networks' input they are the centre square of the frame."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Explanation of the prediction of one video.

    Attributes:
        chosen: Prediction from the selected timesteps.
        dense: Prediction of the same model from all candidates.
        alpha_T: The selector's score of every candidate.
        kept_T: Whether each candidate was kept.
        seconds_T: Time of each candidate's middle frame, in seconds.
        duration_seconds: Length of the video.
        pictures_THWC: Middle frame of each candidate, uint8.
        concept_TN: Similarity of each candidate to every concept kernel, in standard deviations from the mean over the
            video.
        stream: Number of the stream that was chosen of a file with several videos; None where there was no choice.
    """

    chosen: Prediction
    dense: Prediction
    alpha_T: np.ndarray
    kept_T: np.ndarray
    seconds_T: np.ndarray
    duration_seconds: float
    pictures_THWC: np.ndarray
    concept_TN: np.ndarray
    stream: int | None = None

    def strongest_kernels(self, timestep: int, *, count: int = 3) -> list[int]:
        """Numbers of the concept kernels with the highest ``concept_TN`` at a timestep, the highest first."""
        return np.argsort(-self.concept_TN[timestep], kind="stable")[:count].tolist()


def explain(predictor: Predictor, video: str | Path, *, budget: int | None = None) -> Explanation:
    """Predict a video with and without selection, and decode the middle frames of its candidates.

    Args:
        predictor: The model.
        video: A file or an address.
        budget: Keep exactly this many timesteps; None lets the gates decide.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: The model has no selector, or the budget is not a number of candidates.
    """
    if not predictor.config.has_selector:
        raise ConfigError("this model was trained without a selector: there is no choice to explain")
    # For the times: a first pass also pays for what is loaded, compiled and allocated only once.
    predictor.predict(video, budget=budget)
    dense = predictor.predict_dense(video)
    details = predictor.predict_with_details(video, budget=budget)
    middle_T = details.timesteps.middle_frames_T
    (pictures_THWC,) = decode_frames(video, details.index, middle_T, sizes=(PICTURE_SIZE,))
    return Explanation(
        chosen=details.prediction,
        dense=dense,
        alpha_T=details.chosen.alpha_T,
        kept_T=details.chosen.gate_T > 0,
        seconds_T=details.index.seconds_of(middle_T),
        duration_seconds=details.index.duration_seconds,
        pictures_THWC=pictures_THWC,
        concept_TN=concepts(predictor, details.frames_THWC),
        stream=details.index.chosen_stream,
    )


@torch.inference_mode()
def concepts(predictor: Predictor, frames_THWC: np.ndarray) -> np.ndarray:
    """Similarity of every candidate to every concept kernel, each standardised over the video, ``(T, N)``.

    A selector of a plugin may have none: N is 0 then.
    """
    selector = predictor.model.selector
    if not isinstance(selector, HasConcepts):
        return np.zeros((len(frames_THWC), 0), np.float32)
    light_1TC = predictor.light_features(frames_THWC)
    valid_1T = all_valid(*light_1TC.shape[:2], device=light_1TC.device)
    similarity_NT = selector.concepts(light_1TC, valid_1T)[0].T.float()
    standardised_NT = standardised(similarity_NT, valid_1T.expand_as(similarity_NT))
    return standardised_NT.T.cpu().numpy()
