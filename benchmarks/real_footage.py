"""Learnt against uniform and random sampling on real footage.

`python -m benchmarks.real_footage --clips DIR --filler CLASS --json PATH` composes minutes-long videos from a folder
of short labelled clips, extracts features of frozen networks, trains selector and classifier on them, and
measures on the test split how well 1, 2, 4, ... timesteps serve, chosen by the selector, uniformly and at random,
and all of them. A seed is another split of the clips, other videos and other weights.

Uniform, random and dense sampling are judged by whichever classifier serves them better on the validation split,
for each number of timesteps: the selector's own, one trained on all timesteps, or one trained on random subsets of
every size. The selector has its own classifier only. `told` is no way to sample: it is told where the evidence
is, and shows what a perfect choice would give.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.command import run_benchmark
from epitoma.core.budgets import budgets
from epitoma.core.config import to_dict
from epitoma.core.sampling import stable_seed
from epitoma.cost.gmacs import CostModel, networks_cost
from epitoma.datasets.manifest import Manifest
from epitoma.evaluation.budgets import Evaluation, evidence_of
from epitoma.evaluation.tradeoff import Spread, TradeoffPoint, over_seeds
from epitoma.files.json_files import write_json
from epitoma.models.videoepitoma import Networks, NetworksConfig, VideoEpitoma
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.train.fit import build_trainable
from epitoma.reporting.console import Advance, phase, say
from epitoma.reporting.plots import spread_figure
from epitoma.training.batch import SelectionName
from epitoma.training.context import LocalContext
from epitoma.training.events import Event, StepDone
from epitoma.training.feature_batches import FeatureSource, FeatureSplit, feature_split
from epitoma.training.feature_store import read_features
from epitoma.training.loop import TrainingLoop
from epitoma.training.metrics import accuracy
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig
from ray_jobs.parts.demo_configs import offline_networks
from ray_jobs.parts.extraction import extract_with
from ray_jobs.prepare import PrepareComposites

JUDGES: dict[str, SelectionName] = {"own": "learnt", "dense": "dense", "random": "random"}
"""Classifiers, by what chose the timesteps that they were trained on."""


@dataclass(kw_only=True)
class RealFootageConfig:
    """What to measure.

    Attributes:
        clips: Folder of short clips, one folder a class; only read.
        filler: The class of clips that shows nothing.
        json: Where to write means and deviations.
        figure: Where to draw them.
        work: Where composites and features are kept, so that a second run has them.
        seeds: One dataset and one training each.
        train_videos: Composites to train on, a seed.
        validation_videos: Composites to choose epochs and classifiers on.
        test_videos: Composites to measure on.
        evidence_share: Share of a composite that shows its class.
        evidence_clips: Different clips that show it; None has each shown as often as a clip of filler.
        min_seconds: Shortest composite.
        max_seconds: Longest composite.
        timesteps: Candidates a video.
        train_timesteps: Of those, drawn at random each time that training sees a video.
        target_timesteps: Timesteps that the selector learns to keep.
        epochs: Of every training.
        networks: LightNet and HeavyNet, frozen.
    """

    clips: Path
    filler: str
    json: Path | None = None
    figure: Path | None = None
    work: Path = Path("runs/benchmarks/real_footage")
    seeds: tuple[int, ...] = (0, 1, 2)
    train_videos: int = 160
    validation_videos: int = 80
    test_videos: int = 120
    evidence_share: float = 0.1
    evidence_clips: int | None = None
    min_seconds: float = 60.0
    max_seconds: float = 90.0
    timesteps: int = 128
    train_timesteps: int = 64
    target_timesteps: int = 8
    epochs: int = 16
    networks: NetworksConfig = field(default_factory=offline_networks)


def main() -> None:
    """Measure, print and write."""
    run_benchmark(RealFootageConfig, run, about=__doc__)


def run(config: RealFootageConfig) -> list[Spread]:
    """Measure every seed, print the table, and write what was asked for."""
    rows: list[dict[str, Any]] = []
    with ray_session(logs=config.work / "logs"):
        for seed in config.seeds:
            rows += measure_seed(config, seed)
            write_json(config.work / "details.json", {"config": to_dict(config), "rows": rows})
    spreads = summarise(rows)
    print(markdown(spreads, rows))
    measured = [spread for spread in spreads if spread.sampling != "told"]
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps([asdict(spread) for spread in measured], indent=2) + "\n")
    if config.figure is not None:
        title = f"{config.clips.name}: accuracy on test, {len(config.seeds)} seeds"
        spread_figure(spreads, config.figure, title=title, score_name="accuracy")
    return measured


def measure_seed(config: RealFootageConfig, seed: int) -> list[dict[str, Any]]:
    """One dataset, one training of every classifier, and a row for each sampling and number of timesteps."""
    say(f"seed {seed}")
    manifest = compose(config, seed).make()
    torch.manual_seed(stable_seed("networks"))
    networks = Networks(config.networks).eval()
    splits, evidence_of = extract(config, manifest, networks)
    judges = {
        name: train(training(config, seed, selection), manifest, networks, splits)
        for name, selection in JUDGES.items()
    }
    with phase(f"evaluate seed {seed}"):
        each = networks_cost(networks)
        costs = {name: CostModel(model, each, candidates=config.timesteps) for name, model in judges.items()}
        points = {
            split: measure(judges, costs, splits[split], evidence_of[split], seed)
            for split in ("validation", "test")
        }
    rows = judged(points["validation"], points["test"])
    dense = next(row["classifier"] for row in rows if row["sampling"] == "dense")
    told = told_accuracy(judges[dense], splits["test"], evidence_of["test"], seed)
    rows += [{"sampling": "told", "timesteps": k, "classifier": dense, "test": told[k]} for k in told]
    return [{"seed": seed, **row} for row in rows]


def compose(config: RealFootageConfig, seed: int) -> PrepareComposites:
    """The dataset of a seed."""
    return PrepareComposites(
        clips=config.clips,
        output=config.work / config.clips.name / f"seed_{seed}",
        filler=config.filler,
        train_videos=config.train_videos,
        validation_videos=config.validation_videos,
        test_videos=config.test_videos,
        evidence_share=config.evidence_share,
        evidence_clips=config.evidence_clips,
        min_seconds=config.min_seconds,
        max_seconds=config.max_seconds,
        seed=seed,
    )


def extract(
    config: RealFootageConfig, manifest: Manifest, networks: Networks
) -> tuple[dict[str, FeatureSplit], dict[str, Tensor]]:
    """Features of every split, and which of its timesteps show evidence."""
    extracted = extract_with(
        manifest,
        networks,
        timesteps=config.timesteps,
        root=config.work / "features",
        max_reject_share=0.0,
    )
    splits, evidence = {}, {}
    for name in manifest.splits:
        part = manifest.split(name)
        stored = read_features(extracted.folder, part)
        shown = evidence_of(part, stored, networks.heavy.input.frames)
        assert shown is not None
        splits[name], evidence[name] = feature_split(stored, part), shown
    return splits, evidence


def training(config: RealFootageConfig, seed: int, selection: SelectionName) -> TrainConfig:
    """How every classifier is trained; settings were chosen on validation splits of other seeds."""
    return TrainConfig(
        manifest=Path("none"),
        name=selection,
        selection=selection,
        networks=config.networks,
        sparsity=SparsityConfig(target_timesteps=config.target_timesteps),
        optimisation=OptimisationConfig(epochs=config.epochs, validate_every=4),
        timesteps=config.timesteps,
        train_timesteps=config.train_timesteps,
        seed=seed,
    )


class Watched(LocalContext):
    """A worker in this process that shows its steps."""

    def __init__(self, folder: Path, advance: Advance, epochs: int) -> None:
        super().__init__(folder)
        self.advance = advance
        self.epochs = epochs

    def emit(self, event: Event) -> None:
        """Move the bar."""
        if isinstance(event, StepDone):
            self.advance(event.epoch * event.steps + event.step, self.epochs * event.steps)


def train(
    config: TrainConfig, manifest: Manifest, networks: Networks, splits: Mapping[str, FeatureSplit]
) -> VideoEpitoma:
    """The best model on validation."""
    model_config = config.model(classes=manifest.classes, multi_label=False)
    model = build_trainable(config, model_config, networks, start=None)
    title = f"train on {config.selection} timesteps"
    with TemporaryDirectory() as folder, phase(title, unit="steps") as advance:
        context = Watched(Path(folder) / "checkpoints", advance, config.optimisation.epochs)
        source = FeatureSource(config, splits["train"], splits["validation"], context)
        loop = TrainingLoop(model, config.loop(multi_label=False), context, source)
        loop.run()
    model.load_state_dict(loop.best)
    return model.eval()


def measure(
    judges: Mapping[str, VideoEpitoma],
    costs: Mapping[str, CostModel],
    split: FeatureSplit,
    evidence_VT: Tensor,
    seed: int,
) -> dict[str, list[TradeoffPoint]]:
    """What every classifier makes of every sampling, and the selector's own choice."""
    measured = {}
    for name, model in judges.items():
        evaluation = Evaluation(
            split=split,
            evidence_VT=evidence_VT,
            cost=costs[name],
            multi_label=False,
            seed=seed,
        )
        chosen = evaluation.selector_points(model) if name == "own" else []
        classifier = "own" if name == "own" else "reference"
        measured[name] = chosen + evaluation.reference_points(model, classifier, also=1)
    return measured


def judged(
    validation: Mapping[str, list[TradeoffPoint]], test: Mapping[str, list[TradeoffPoint]]
) -> list[dict[str, Any]]:
    """The test score of each sampling and number of timesteps, by the classifier that validation prefers."""
    before = {name: by_way(points) for name, points in validation.items()}
    after = {name: by_way(points) for name, points in test.items()}
    rows = []
    for sampling, timesteps in after["own"]:
        way = (sampling, timesteps)
        best = max((name for name in before if way in before[name]), key=lambda name: before[name][way].score)
        point = after[best][way]
        rows.append(
            {
                "sampling": sampling,
                "timesteps": timesteps,
                "classifier": best,
                "validation": before[best][way].score,
                "test": point.score,
                "gmacs": point.gmacs,
                "precision": point.selection_precision,
            }
        )
    return rows


def by_way(points: list[TradeoffPoint]) -> dict[tuple[str, int], TradeoffPoint]:
    """Points by sampling and number of timesteps; the gate's own number is not compared here."""
    return {(point.sampling, point.budget): point for point in points if point.sampling != "gate"}


@torch.inference_mode()
def told_accuracy(
    model: VideoEpitoma, split: FeatureSplit, evidence_VT: Tensor, seed: int
) -> dict[int, float]:
    """Accuracy where true evidence is kept first, at random among its own kind, by number of timesteps."""
    chance_VT = torch.rand(evidence_VT.shape, generator=torch.Generator().manual_seed(seed))
    rank_VT = (evidence_VT + chance_VT).argsort(dim=1, descending=True).argsort(dim=1)
    return {
        kept: accuracy(model(split.candidates, open_BT=rank_VT < kept).logits_BL, split.labels_VL)
        for kept in budgets(evidence_VT.shape[1])
    }


def summarise(rows: list[dict[str, Any]]) -> list[Spread]:
    """Mean and deviation over seeds."""
    scores: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        scores.setdefault((row["sampling"], row["timesteps"]), []).append(row["test"])
    return over_seeds(scores)


def markdown(spreads: list[Spread], rows: list[dict[str, Any]]) -> str:
    """A line for each sampling, a column for each number of timesteps."""
    counts = sorted({spread.timesteps for spread in spreads})
    cells = {(s.sampling, s.timesteps): f"{s.mean:.3f} ± {s.std:.3f}" for s in spreads}
    found = [row for row in rows if row["sampling"] == "selector"]
    for count in counts:
        shares = [row["precision"] for row in found if row["timesteps"] == count]
        cells["evidence among the selector's", count] = f"{mean(shares):.2f}"
    lines = [
        "| sampling | " + " | ".join(map(str, counts)) + " |",
        "|---" * (len(counts) + 1) + "|",
    ]
    for sampling in dict.fromkeys(name for name, _ in cells):
        values = " | ".join(cells.get((sampling, count), "") for count in counts)
        lines.append(f"| {sampling} | {values} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
