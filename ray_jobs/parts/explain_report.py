"""Report that explains a prediction as a page and a figure, and the model's concept kernels by frames of a dataset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epitoma.core.errors import ConfigError
from epitoma.core.gpu import GpuOption
from epitoma.datasets.indexed import stream_note
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.manifest import read_manifest
from epitoma.datasets.schema import SplitName
from epitoma.datasets.unlabelled import list_unlabelled
from epitoma.files.atomic import write_text
from epitoma.files.local_paths import InputPath
from epitoma.files.uris import without_secrets
from epitoma.inference.explanation import PICTURE_SIZE
from epitoma.inference.kernel_sheets import sheets, top_matches
from epitoma.inference.predictor import check_budget
from epitoma.models.parts import HasConcepts
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.predict.explained import explain_file
from epitoma.on_ray.predict.kernel_pictures import decode_pictures
from epitoma.reporting.console import phase, say
from epitoma.reporting.explanation_page import explanation_page, kernels_page
from epitoma.reporting.plots import explanation_figure, sheet_figure
from epitoma.tracking.address import check_store
from epitoma.tracking.lifecycle import added_to_run
from epitoma.training.checkpoint import load_model, model_folder, networks_of, run_folder
from ray_jobs.parts.extraction import stored_features

PAGE, FIGURE = "explanation.html", "explanation.png"
KERNELS_PAGE, KERNELS_FIGURE = "kernels.html", "kernels.png"


@dataclass(kw_only=True)
class ExplainConfig(GpuOption):
    """Explanation of a prediction: an HTML page without outside links, and a figure.

    Attributes:
        model: Folder of a finished run.
        video: A file or an address.
        budget: Keep exactly this many timesteps; None lets the model's gates decide.
        manifest: Dataset whose frames most similar to each concept kernel are shown; None shows none.
        split: Split of that dataset.
        features: Folder of the feature stores; None uses ``features`` beside the run.
        frames: Most frames to show for a kernel.
        output: Folder for explanation.html and explanation.png, kernels.html and kernels.png; None uses
            ``explanation_FOLDER_NAME`` in the run's folder, with the budget if one is given.
        max_reject_share: Largest share of the dataset's videos that may be unreadable, 0 to 1.
    """

    model: Path
    video: str
    budget: int | None = None
    manifest: InputPath | None = None
    split: SplitName = "train"
    features: Path | None = None
    frames: int = 8
    output: Path | None = None
    max_reject_share: float = 0.05

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f"frames must be at least 1, not {self.frames}")

    @property
    def run(self) -> Path:
        """Folder of the run."""
        return run_folder(self.model)

    def report(self) -> None:
        """Write page and figure, and log both on the run in MLflow.

        Raises:
            EpitomaError: No such run, video or dataset, the video cannot be read, or the model has no selector.
        """
        check_store(self.run.parent)
        model, config = load_model(model_folder(self.model))
        check_budget(self.budget, config)
        video = self._listed()
        name, path = video.video_id, without_secrets(video.path)
        folder = self.output or self.run / self._name(path)
        with ray_session(logs=folder / "logs"):
            with phase("look at the video") as advance:
                explanation = explain_file(video.path, model, config, budget=self.budget, gpu=self.gpu)
                advance(1, 1)
            shown = self._sheets(model, config, folder) if self.manifest else {}
        write_text(folder / PAGE, explanation_page(explanation, name=name, sheets=shown))
        title = f"{name}: {explanation.chosen.label}"
        explanation_figure(explanation, folder / FIGURE, title=title)
        say(f"  {path}: {explanation.chosen.label}, {len(explanation.chosen.timesteps)} timesteps kept")
        if explanation.stream is not None:
            say(f"  {stream_note({name: explanation.stream})}")
        say(f"  page: {folder / PAGE}")
        with added_to_run(self.run) as tracker:
            for file in (PAGE, FIGURE, *((KERNELS_PAGE, KERNELS_FIGURE) if shown else ())):
                tracker.artifact(folder / file, folder=folder.name)

    def _listed(self) -> ListedVideo:
        """The one video that is to be explained."""
        listed = list_unlabelled(self.video)
        if listed.note:
            say(f"  {listed.note}")
        if len(listed.videos) != 1:
            raise ConfigError(f"{self.video} is {len(listed.videos)} videos: explain takes one")
        return listed.videos[0]

    def _name(self, video: str) -> str:
        """Name of a video's output folder; its parent folder and the budget keep names of different videos apart."""
        path = Path(video.partition("?")[0])
        parts = ["explanation", path.parent.name, path.stem, *([str(self.budget)] if self.budget else [])]
        return "_".join(part for part in parts if part)

    def _sheets(self, model: VideoEpitoma, config: ModelConfig, folder: Path) -> dict[int, np.ndarray]:
        """Write the page and figure of all kernels; returns a sheet of frames for each kernel number."""
        assert self.manifest is not None
        selector = model.eval().selector
        if not isinstance(selector, HasConcepts):
            raise ConfigError("this model's selector has no concept kernels: leave --manifest out")
        split, networks = read_manifest(self.manifest).split(self.split), networks_of(model)
        stored = stored_features(
            split,
            networks,
            timesteps=config.timesteps,
            root=self.features or self.run.parent / "features",
            max_reject_share=self.max_reject_share,
            gpu=self.gpu,
        )
        exciting = top_matches(selector, stored, count=self.frames)
        with phase("decode what excites kernels") as advance:
            shown = decode_pictures(
                exciting,
                split,
                stored,
                frames_per_timestep=networks.heavy.input.frames,
                size=PICTURE_SIZE,
                watch=advance,
            )
        for reject in shown.rejects:
            say(f"  shown in black, {reject.path}: {reject.reason}")
        made = list(sheets(exciting, shown.pictures, size=PICTURE_SIZE))
        name = f"{self.run.name} on {self.manifest}"
        write_text(folder / KERNELS_PAGE, kernels_page(made, name=name))
        sheet_figure(made, folder / KERNELS_FIGURE, title=name)
        say(f"  concept kernels: {folder / KERNELS_PAGE}")
        return dict(enumerate(made))
