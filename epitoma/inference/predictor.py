"""Predictor: a trained model asked about video files, one after the other, in this process."""

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
    """A prediction, and what it goes by.

    Attributes:
        index: Its frames.
        timesteps: The candidates.
        frames_THWC: What LightNet saw of them, uint8.
        chosen: What was made of that.
        prediction: And what is told.
    """

    index: VideoIndex
    timesteps: Timesteps
    frames_THWC: np.ndarray
    chosen: Chosen
    prediction: Prediction


class Predictor:
    """A trained model, asked about video files.

    Decoding is sparse (``video/two_pass.py``): the middle frame of every candidate, and the snippets of those that are
    kept. Networks run on one video at a time, so that a prediction never depends on which videos were asked about
    together.
    """

    def __init__(self, model: VideoEpitoma, config: ModelConfig, *, device: torch.device) -> None:
        self.networks = networks_of(model)
        self.cost = CostModel(model, networks_cost(self.networks), candidates=config.timesteps)
        self.model = model.to(device).eval()
        self.config = config
        self.device = device
        self.two_pass = two_pass_of(model, config)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.config.classes)

    def predict(self, video: str | Path, *, budget: int | None = None) -> Prediction:
        """Recognise a video.

        Args:
            video: A file or an address.
            budget: Keep exactly this many timesteps; None leaves it to the gates, or keeps all where there is no
                selector.

        Raises:
            VideoError: The video cannot be read.
            ConfigError: The budget is not a number of candidates.
        """
        return self.predict_with_details(video, budget=budget).prediction

    def predict_with_details(self, video: str | Path, *, budget: int | None = None) -> PredictionDetails:
        """Predict, and keep what the prediction goes by; arguments and errors as of :meth:`predict`."""
        check_budget(budget, self.config)
        return self._predict(video, self.two_pass, partial(self.choose, budget=budget), budget=budget)

    def predict_dense(self, video: str | Path) -> Prediction:
        """Recognise a video from all of its candidates, which LightNet need not look at: what selection spares.

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
        prediction = self.make_prediction(str(video), seconds_T, chosen, scores_L, watch.spent)
        return PredictionDetails(
            index=index,
            timesteps=timesteps,
            frames_THWC=first.frames_THWC,
            chosen=chosen,
            prediction=prediction,
        )

    @torch.inference_mode()
    def choose(self, frames_THWC: np.ndarray, *, budget: int | None) -> Chosen:
        """Choose by the middle frames of all candidates; all of them, where there is no selector."""
        if not self.config.has_selector:
            return Chosen.everything(self.config.timesteps)
        light_1TC = self.light_features(frames_THWC)
        valid_1T = all_valid(*light_1TC.shape[:2], device=self.device)
        return Chosen.of(self.model.selector(light_1TC, valid_1T, budget=budget)[0])

    @torch.inference_mode()
    def light_features(self, frames_THWC: np.ndarray) -> Tensor:
        """What LightNet makes of the middle frames of all candidates, ``(1, T, C)``."""
        return self.networks.light(torch.from_numpy(frames_THWC).movedim(-1, -3)[None].to(self.device))

    @torch.inference_mode()
    def scores(self, snippets_PMHWC: np.ndarray, chosen: Chosen) -> np.ndarray:
        """Score of every class, ``(L,)``, from 0 to 1: HeavyNet and the classifier on the snippets that were kept."""
        snippets_PCMHW = torch.from_numpy(snippets_PMHWC).movedim(-1, -4).to(self.device)
        heavy_PC = self.networks.heavy(snippets_PCMHW)
        logits_L = self.model.classifier(heavy_PC, chosen.selection(self.device))[0][0].float().cpu()
        return (logits_L.sigmoid() if self.config.multi_label else logits_L.softmax(dim=0)).numpy()

    def make_prediction(
        self,
        video: str,
        seconds_T: np.ndarray,
        chosen: Chosen,
        scores_L: np.ndarray,
        milliseconds: Mapping[str, float],
    ) -> Prediction:
        """Put together what is known of a video.

        Args:
            video: Its name.
            seconds_T: Times of the candidates' middle frames.
            chosen: Which were kept.
            scores_L: What came of them.
            milliseconds: Time spent.
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
    """How a model's two passes decode a video."""
    networks = networks_of(model)
    return TwoPass(
        timesteps=config.timesteps,
        frames=networks.heavy.input.frames,
        light_size=networks.light.input.size if config.has_selector else None,
        heavy_size=networks.heavy.input.size,
    )


def check_top(top: int) -> None:
    """Raise a ConfigError unless at least one label may be told."""
    if top < 1:
        raise ConfigError(f"top must be at least 1, not {top}")


def check_budget(budget: int | None, config: ModelConfig) -> None:
    """Raise a ConfigError unless that many timesteps can be kept, or a selector decides by itself."""
    if budget is None:
        return
    if not config.has_selector:
        raise ConfigError(f"budget {budget} needs a selector, and this model was trained without one")
    if budget not in range(1, config.timesteps + 1):
        raise ConfigError(f"budget must be from 1 to the {config.timesteps} candidates, not {budget}")


def load_predictor(path: str | Path, *, device: str | torch.device | None = None) -> Predictor:
    """A trained model from the folder of a run, or from the ``model`` folder in it.

    Args:
        path: The folder.
        device: Where to compute; None is a GPU where there is one.

    Raises:
        RunError: There is no finished run.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(*load_model(model_folder(Path(path).expanduser())), device=torch.device(chosen))
