"""Evaluate a run: score at every budget for selector, uniform and random sampling, with its cost in GMACs."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from epitoma.core.errors import ConfigError, RunError
from epitoma.core.gpu import GpuOption
from epitoma.cost.gmacs import CostModel, networks_cost
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.schema import SplitName
from epitoma.evaluation.budgets import Evaluation, evidence_of
from epitoma.evaluation.choices import CHOICES_FILE, Choices, write_choices
from epitoma.evaluation.tradeoff import TradeoffPoint, find, markdown_table, write_points
from epitoma.files.atomic import write_text
from epitoma.files.local_paths import InputPath
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import console, phase, say
from epitoma.reporting.plots import tradeoff_figure
from epitoma.reporting.tables import tradeoff_table
from epitoma.tracking.address import check_store
from epitoma.tracking.lifecycle import added_to_run
from epitoma.training.checkpoint import load_model, model_folder, networks_of, run_folder
from epitoma.training.feature_batches import feature_split
from epitoma.training.feature_store import Stored
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.extraction import stored_features
from ray_jobs.parts.runs import check_classes


@dataclass(kw_only=True)
class EvaluateConfig(GpuOption):
    """Options of an evaluation.

    Attributes:
        run: Folder of the finished run to evaluate.
        manifest: Manifest of the dataset.
        split: Split to evaluate on.
        candidates: Candidate timesteps per video that the selector sees; None uses the run's own number.
        selector_from: Finished run whose LightNet and selector are used in front of this run's HeavyNet and
            classifier, which were not trained with them (off-the-shelf use, paper section 4.2).
        reference: Run trained without a selector on the same HeavyNet; its classifier is evaluated too, with uniform,
            random and dense sampling.
        features: Folder of the feature stores; None uses ``features`` beside the run.
        random_draws: Number of random samplings to average over.
        seed: Seed of random sampling.
        speed: Precision and compilation of the networks.
        max_reject_share: Largest share of videos that may be unreadable, 0 to 1.
        quiet: Write table and figure without printing them.
    """

    run: Path
    manifest: InputPath
    split: SplitName = "test"
    candidates: int | None = None
    selector_from: InputPath | None = None
    reference: InputPath | None = None
    features: Path | None = None
    random_draws: int = 5
    seed: int = 0
    speed: Speed = field(default_factory=Speed)
    max_reject_share: float = 0.05
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.random_draws < 1:
            raise ConfigError(f"random_draws must be at least 1, not {self.random_draws}")
        if self.candidates is not None and self.candidates < 1:
            raise ConfigError(f"candidates must be at least 1, not {self.candidates}")


def evaluation_of(run: TrainConfig, *, split: SplitName) -> EvaluateConfig:
    """Evaluation of a run with the settings that it was trained with."""
    return EvaluateConfig(
        run=run.folder,
        manifest=run.manifest,
        split=split,
        features=run.feature_root,
        speed=run.speed,
        max_reject_share=run.max_reject_share,
        gpu=run.gpu,
    )


def evaluate(config: EvaluateConfig) -> list[TradeoffPoint]:
    """Evaluate every sampling at every budget, print the table, and write table and figure into the run's folder.

    Raises:
        EpitomaError: No such run, dataset or split, or the dataset has other classes than the model.
    """
    folder = model_folder(config.run)
    config = replace(config, run=run_folder(config.run))
    check_store(config.run.parent)
    manifest = read_manifest(config.manifest)
    model, model_config = _model(config, folder, manifest)
    reference = _reference(config.reference, model, manifest)
    if (config.candidates or 0) > model_config.timesteps:
        raise ConfigError(f"{config.run} has {model_config.timesteps} candidates, not {config.candidates}")
    split = manifest.split(config.split)
    with ray_session(logs=config.run / "logs"):
        stored = _stored(config, split, model, model_config)
    evaluation = _evaluation(config, split, stored, model, model_config)
    with phase(f"evaluate {config.run.name} on {config.split}"):
        points = measure(evaluation, model, reference, has_selector=model_config.has_selector)
        choices = evaluation.choices(model, manifest.classes) if model_config.has_selector else None
    _keep(config, points, choices, "mAP" if manifest.multi_label else "accuracy")
    return points


def measure(
    evaluation: Evaluation, model: VideoEpitoma, reference: VideoEpitoma | None, *, has_selector: bool
) -> list[TradeoffPoint]:
    """Tradeoff points of the selector (if the model has one) and of the reference samplings on one split."""
    points = evaluation.selector_points(model) if has_selector else []
    same = same_budget(points) if points else evaluation.timesteps
    points += evaluation.reference_points(model, "own", also=same)
    return points + (evaluation.reference_points(reference, "reference", also=same) if reference else [])


def _evaluation(
    config: EvaluateConfig, split: Manifest, stored: Stored, model: VideoEpitoma, model_config: ModelConfig
) -> Evaluation:
    """Set up the evaluation of a split at the requested number of candidates."""
    evaluation = Evaluation(
        split=feature_split(stored, split),
        evidence_VT=evidence_of(split, stored, networks_of(model).heavy.input.frames),
        cost=CostModel(model, networks_cost(networks_of(model)), candidates=model_config.timesteps),
        multi_label=split.multi_label,
        seed=config.seed,
        random_draws=config.random_draws,
    )
    return evaluation if config.candidates is None else evaluation.among(config.candidates)


def same_budget(points: list[TradeoffPoint]) -> int:
    """Budget equal to the mean number of timesteps that the gate keeps, rounded up."""
    return math.ceil(find(points, "gate").timesteps)


def _model(config: EvaluateConfig, folder: Path, manifest: Manifest) -> tuple[VideoEpitoma, ModelConfig]:
    """Load the run's model, with another run's LightNet and selector if ``selector_from`` is set."""
    model, model_config = load_model(folder)
    check_classes(manifest, model_config, config.run)
    if config.selector_from is None:
        return model, model_config
    chooser, chooser_config = load_model(model_folder(config.selector_from))
    check_classes(manifest, chooser_config, config.selector_from)
    if not chooser_config.has_selector:
        raise RunError(f"{config.selector_from} was trained without a selector")
    model.selector, model.gating = chooser.selector, chooser.gating
    networks_of(model).light = networks_of(chooser).light
    return model, replace(model_config, timesteps=chooser_config.timesteps, has_selector=True)


def _reference(run: Path | None, model: VideoEpitoma, manifest: Manifest) -> VideoEpitoma | None:
    if run is None:
        return None
    reference, reference_config = load_model(model_folder(run))
    check_classes(manifest, reference_config, run)
    own, theirs = networks_of(model).heavy.state_dict(), networks_of(reference).heavy.state_dict()
    if own.keys() != theirs.keys() or any(not torch.equal(own[name], theirs[name]) for name in own):
        raise RunError(
            f"the reference {run} uses another HeavyNet than the run: train it with --start-from networks=RUN"
        )
    return reference


def _stored(
    config: EvaluateConfig, split: Manifest, model: VideoEpitoma, model_config: ModelConfig
) -> Stored:
    networks = networks_of(model)
    networks.run_as(config.speed)
    return stored_features(
        split,
        networks,
        timesteps=model_config.timesteps,
        root=config.features or config.run.parent / "features",
        max_reject_share=config.max_reject_share,
        gpu=config.gpu,
    )


def _keep(
    config: EvaluateConfig, points: list[TradeoffPoint], choices: Choices | None, score_name: str
) -> None:
    among = "" if config.candidates is None else f"_among_{config.candidates}"
    by = "" if config.selector_from is None else f"_selector_of_{config.selector_from.name}"
    folder = config.run / f"evaluation_{config.split}{among}{by}"
    write_points(folder / "tradeoff.parquet", points)
    write_text(folder / "tradeoff.md", markdown_table(points))
    if choices is not None:
        write_choices(folder / CHOICES_FILE, choices)
    title = f"{config.run.name}: {score_name} on {config.split}"
    tradeoff_figure(points, folder / "tradeoff.png", title=title, score_name=score_name)
    if not config.quiet:
        console.print(tradeoff_table(points, title=title, score_name=score_name))
        say(f"  table and figure: {folder}")
    with added_to_run(config.run) as tracker:
        # Metrics are named by split only, so those of another setting would overwrite the run's own.
        if not among and not by:
            tracker.points(points, split=config.split)
        tracker.artifact(folder, folder=folder.name)


def main() -> None:
    """Run the command."""
    run_job(EvaluateConfig, evaluate, about=__doc__)


if __name__ == "__main__":
    main()
