"""Recogniser: a trained model asked about video files, one after the other, in this process."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from epitoma.cost import CostModel, networks_cost
from epitoma.errors import ConfigError, RunError
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma, given_selection
from epitoma.sampling import uniform_timesteps
from epitoma.selection import Selection, all_valid
from epitoma.timesteps import Timesteps
from epitoma.training.checkpoint import MODEL_FILE, load_model
from epitoma.video.decode import View, decode_views
from epitoma.video.index import VideoIndex, index_video


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


@dataclass
class Stopwatch:
    """Milliseconds by what they were spent on."""

    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("decoding", "light", "heavy"), 0.0)
    )

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the block's time; work that a GPU was given counts where it is waited for."""
        started = time.perf_counter()
        yield
        self.spent[what] += (time.perf_counter() - started) * 1e3


class Recogniser:
    """A trained model, asked about video files.

    Decoding is sparse twice: the middle frame of every candidate first, and then the snippets of those that are kept.
    """

    def __init__(self, model: VideoEpitoma, config: ModelConfig, *, device: torch.device) -> None:
        networks = model.networks
        if networks is None:
            raise RunError("this model was saved without its networks")
        self.cost = CostModel(model, networks_cost(networks), candidates=config.timesteps)
        self.model = model.to(device).eval()
        self.networks: Networks = networks
        self.config = config
        self.device = device

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
        if budget is not None and not 1 <= budget <= self.config.timesteps:
            raise ConfigError(
                f"budget must be from 1 to the {self.config.timesteps} candidates, not {budget}"
            )
        watch = Stopwatch()
        with watch.on("decoding"):
            index = index_video(video)
        timesteps = self._candidates(index)
        selection = self.select(video, index, timesteps, budget=budget, watch=watch)
        logits_L = self.classify(video, index, timesteps, selection, watch=watch)
        return self._told(video, index, timesteps, selection, logits_L, watch)

    @torch.inference_mode()
    def select(
        self,
        video: str | Path,
        index: VideoIndex,
        timesteps: Timesteps,
        *,
        budget: int | None,
        watch: Stopwatch,
    ) -> Selection:
        """Look at the middle frames of all candidates, and choose."""
        valid_1T = all_valid(1, len(timesteps.starts_T), device=self.device)
        if not self.config.has_selector:
            return given_selection(valid_1T, valid_1T)
        with watch.on("decoding"):
            view = View(frame_indices=timesteps.middle_frames_T, size=self.networks.light.input.size)
            frames_THWC = decode_views(video, index, [view]).pictures[0]
        with watch.on("light"):
            frames_1TCHW = torch.from_numpy(frames_THWC).movedim(-1, -3)[None].to(self.device)
            light_1TC = self.networks.light(frames_1TCHW)
            return self.model.selector(light_1TC, valid_1T, budget=budget)[0]

    @torch.inference_mode()
    def classify(
        self,
        video: str | Path,
        index: VideoIndex,
        timesteps: Timesteps,
        selection: Selection,
        *,
        watch: Stopwatch,
    ) -> Tensor:
        """Look closely at what was kept: class scores ``(L,)`` before they are squashed."""
        kept = selection.open_BT[0].cpu().numpy()
        with watch.on("decoding"):
            chosen_PM = timesteps.frames_TM[kept]
            view = View(frame_indices=chosen_PM.reshape(-1), size=self.networks.heavy.input.size)
            pixels = decode_views(video, index, [view]).pictures[0]
        with watch.on("heavy"):
            snippets = torch.from_numpy(pixels.reshape(*chosen_PM.shape, *pixels.shape[1:]))
            heavy_PC = self.networks.heavy(snippets.movedim(-1, -4).to(self.device))
            return self.model.classifier(heavy_PC, selection)[0][0].float().cpu()

    def _candidates(self, index: VideoIndex) -> Timesteps:
        frames = self.networks.heavy.input.frames
        return uniform_timesteps(index.frame_count, count=self.config.timesteps, frames_per_timestep=frames)

    def _told(
        self,
        video: str | Path,
        index: VideoIndex,
        timesteps: Timesteps,
        selection: Selection,
        logits_L: Tensor,
        watch: Stopwatch,
    ) -> Prediction:
        kept = np.flatnonzero(selection.open_BT[0].cpu().numpy())
        scores_L = logits_L.sigmoid() if self.config.multi_label else logits_L.softmax(dim=0)
        ranked = sorted(zip(self.classes, scores_L.tolist(), strict=True), key=lambda each: -each[1])
        return Prediction(
            video=str(video),
            label=ranked[0][0],
            scores=dict(ranked),
            timesteps=tuple(kept.tolist()),
            seconds=tuple(index.seconds(int(timesteps.middle_frames_T[place])) for place in kept),
            alpha=tuple(selection.alpha_BT[0].cpu()[kept].tolist()),
            candidates=self.config.timesteps,
            gmacs=self.cost.at(len(kept), selected=self.config.has_selector).total,
            milliseconds=watch.spent,
        )


def load_recogniser(path: str | Path, *, device: str | torch.device | None = None) -> Recogniser:
    """A trained model from the folder of a run, or from the ``model`` folder in it.

    Args:
        path: The folder.
        device: Where to compute; None is a GPU where there is one.

    Raises:
        RunError: There is no finished run.
    """
    folder = Path(path)
    for place in (folder / "model", folder):
        if (place / MODEL_FILE).is_file():
            chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
            return Recogniser(*load_model(place), device=torch.device(chosen))
    raise RunError(f"no finished run at {folder} (no model/{MODEL_FILE} in it)")
