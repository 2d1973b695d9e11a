"""Predictor: runs a trained model on video files, one at a time, in this process."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from epitoma.core.errors import ConfigError
from epitoma.core.selection import all_valid
from epitoma.core.stopwatch import Stopwatch
from epitoma.core.timesteps import Timesteps
from epitoma.cost.gmacs import CostModel, networks_cost
from epitoma.inference.prediction import Chosen, Prediction
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.training.checkpoint import load_model, model_folder, networks_of
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.two_pass import TwoPass


@dataclass(frozen=True, kw_only=True)
class PredictionDetails:
    """A prediction with its intermediate values.

    Attributes:
        index: Frames and keyframes of the video.
        timesteps: The candidates.
        frames_THWC: Their middle frames, LightNet's input, uint8.
        chosen: The selector's choice.
        prediction: The prediction.
    """

    index: VideoIndex
    timesteps: Timesteps
    frames_THWC: np.ndarray
    chosen: Chosen
    prediction: Prediction


class Predictor:
    """A trained model that predicts video files.

    Decoding is sparse (``video/two_pass.py``): the middle frame of every candidate, and the snippets of kept ones.
    Each forward pass has one video, so that a prediction never depends on how videos are batched. The model that is
    given is copied, and the copy's networks are folded.

    Args:
        model: The model with its networks.
        config: Config of the model.
        device: Where to compute.
    """

    def __init__(self, model: VideoEpitoma, config: ModelConfig, *, device: torch.device) -> None:
        self.trained_networks = networks_of(model)
        self.cost = CostModel(model, networks_cost(self.trained_networks), candidates=config.timesteps)
        self.model = copy.deepcopy(model)
        self.networks = networks_of(self.model)
        self.networks.fold()
        self.model.to(device).eval()
        self.config = config
        self.device = device
        self.two_pass = two_pass_of(model, config)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.config.classes)

    def predict(self, video: str | Path, *, budget: int | None = None) -> Prediction:
        """Predict a video.

        Args:
            video: A file or an address.
            budget: Keep exactly this many timesteps; None lets the gates decide, or keeps all without a selector.

        Raises:
            VideoError: The video cannot be read.
            ConfigError: The budget is not a number of candidates.
        """
        return self.predict_with_details(video, budget=budget).prediction

    def predict_with_details(self, video: str | Path, *, budget: int | None = None) -> PredictionDetails:
        """Predict, and return intermediate values too; arguments and errors are those of :meth:`predict`."""
        check_budget(budget, self.config)
        return self._predict(video, self.two_pass, partial(self.choose, budget=budget), budget=budget)

    def predict_dense(self, video: str | Path) -> Prediction:
        """Predict a video from all of its candidates, without LightNet and selector.

        Raises:
            VideoError: The video cannot be read.
        """
        everything = Chosen.everything(self.config.timesteps)
        two_pass = replace(self.two_pass, light_size=None)
        return self._predict(video, two_pass, lambda frames_THWC: everything).prediction

    def _predict(
        self,
        video: str | Path,
        two_pass: TwoPass,
        choose: Callable[[np.ndarray], Chosen],
        *,
        budget: int | None = None,
    ) -> PredictionDetails:
        watch = Stopwatch()
        with watch.on("decoding"):
            index = index_video(video)
            timesteps = two_pass.candidates(index)
            first = two_pass.first_pass(video, index, timesteps, budget=budget)
        with watch.on("light"):
            chosen = choose(first.frames_THWC)
        with watch.on("decoding"):
            snippets_PMHWC = two_pass.snippets_of(first, video, index, timesteps, chosen.kept)
        with watch.on("heavy"):
            scores_L = self.scores(snippets_PMHWC, chosen)
        seconds_T = index.seconds_of(timesteps.middle_frames_T)
        spent = watch.spent if chosen.light_has_run else {**watch.spent, "light": 0.0}
        prediction = self.make_prediction(str(video), seconds_T, chosen, scores_L, spent)
        return PredictionDetails(
            index=index,
            timesteps=timesteps,
            frames_THWC=first.frames_THWC,
            chosen=chosen,
            prediction=prediction,
        )

    @torch.inference_mode()
    def choose(self, frames_THWC: np.ndarray, *, budget: int | None) -> Chosen:
        """Select timesteps from the middle frames of all candidates; without a selector all are kept."""
        if not self.config.has_selector:
            return Chosen.everything(self.config.timesteps)
        light_1TC = self.light_features(frames_THWC)
        valid_1T = all_valid(*light_1TC.shape[:2], device=self.device)
        return Chosen.of(self.model.select(light_1TC, valid_1T, budget=budget)[0])

    @torch.inference_mode()
    def light_features(self, frames_THWC: np.ndarray) -> Tensor:
        """LightNet's features of the middle frames of all candidates, ``(1, T, C)``."""
        return self.networks.light(torch.from_numpy(frames_THWC).movedim(-1, -3)[None].to(self.device))

    @torch.inference_mode()
    def scores(self, snippets_PMHWC: np.ndarray, chosen: Chosen) -> np.ndarray:
        """Scores of all classes, ``(L,)``, 0 to 1: HeavyNet and the classifier on the kept snippets."""
        snippets_PCMHW = torch.from_numpy(snippets_PMHWC).movedim(-1, -4).to(self.device)
        heavy_PC = self.networks.heavy(snippets_PCMHW)
        logits_L = self.model.classifier(heavy_PC, chosen.selection(self.device))[0].float().cpu()
        return (logits_L.sigmoid() if self.config.multi_label else logits_L.softmax(dim=0)).numpy()

    def make_prediction(
        self,
        video: str,
        seconds_T: np.ndarray,
        chosen: Chosen,
        scores_L: np.ndarray,
        milliseconds: Mapping[str, float],
    ) -> Prediction:
        """Build the prediction of a video from the results of its stages.

        Args:
            video: Path or address of the video.
            seconds_T: Times of the candidates' middle frames.
            chosen: The selector's choice.
            scores_L: Scores of all classes.
            milliseconds: Time of each stage.
        """
        ranked = sorted(zip(self.classes, scores_L.tolist(), strict=True), key=lambda each: -each[1])
        return Prediction(
            video=video,
            label=ranked[0][0],
            scores=dict(ranked),
            timesteps=tuple(chosen.kept.tolist()),
            seconds=tuple(seconds_T[chosen.kept].tolist()),
            alpha=tuple(chosen.alpha_T[chosen.kept].tolist()),
            candidates=self.config.timesteps,
            gmacs=self.cost.at(len(chosen.kept), selected=chosen.light_has_run).total,
            milliseconds=milliseconds,
        )


def two_pass_of(model: VideoEpitoma, config: ModelConfig) -> TwoPass:
    """Decoding settings of a model: candidates, and the input sizes of both networks."""
    networks = networks_of(model)
    return TwoPass(
        timesteps=config.timesteps,
        frames=networks.heavy.input.frames,
        light_size=networks.light.input.size if config.has_selector else None,
        heavy_size=networks.heavy.input.size,
    )


def check_top(top: int) -> None:
    """Raise a ConfigError unless ``top`` is at least 1."""
    if top < 1:
        raise ConfigError(f"top must be at least 1, not {top}")


def check_budget(budget: int | None, config: ModelConfig) -> None:
    """Raise a ConfigError unless the budget is None, or from 1 to T for a model with a selector."""
    if budget is None:
        return
    if not config.has_selector:
        raise ConfigError(f"budget {budget} needs a selector, and this model was trained without one")
    if budget not in range(1, config.timesteps + 1):
        raise ConfigError(f"budget must be from 1 to the {config.timesteps} candidates, not {budget}")


def load_predictor(path: str | Path, *, device: str | torch.device | None = None) -> Predictor:
    """Load a trained model from the folder of a run, or from the ``model`` folder in it.

    Args:
        path: The folder.
        device: Where to compute; None uses a GPU if there is one.

    Raises:
        RunError: The folder has no finished run.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(*load_model(model_folder(Path(path).expanduser())), device=torch.device(chosen))
