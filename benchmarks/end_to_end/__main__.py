"""Five arms, trained equally long from one start: does training end to end choose better timesteps?

    python -m benchmarks.end_to_end --json PATH

Synthetic videos with known evidence; their timesteps are decoded once and kept in memory, small. Each seed
fine-tunes both networks, and for each of two selectors (``heads.py``) trains a start on their features, and five arms
on from it: ``frozen`` (networks frozen), ``all``, ``heavy_only`` (HeavyNet and classifier), ``detached`` (everything,
the gates cut off from the classifier) and ``heavy_frozen``. Two swaps put the selector of ``all`` before the
classifier of ``frozen``, and the reverse. Seeds that ``--work`` has already are not measured again.
"""

from dataclasses import dataclass, field
from pathlib import Path

import ray

from benchmarks.command import run_benchmark
from benchmarks.end_to_end.heads import HEADS, HeadName
from benchmarks.end_to_end.measure import Experiment, Row, measure_once
from benchmarks.end_to_end.memory import decode_split
from benchmarks.end_to_end.pictures import small_networks
from benchmarks.end_to_end.report import markdown
from benchmarks.finished import finished
from benchmarks.record import write_record
from epitoma.core.config import to_dict
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig
from ray_jobs.prepare import PrepareSynthetic, prepare


def hard_videos() -> SyntheticConfig:
    """Videos on which a start is right in 0.6 to 0.85 of all cases, so that there is something to gain.

    So many that none is learnt by heart.
    """
    return SyntheticConfig(
        train_videos=3000,
        validation_videos=300,
        test_videos=400,
        one_actions=12,
        twin_classes=0,
        evidence_share=0.08,
        distractor_share=0.4,
        min_seconds=30,
        max_seconds=36,
        size=96,
        seed=41,
    )


@dataclass(kw_only=True)
class EndToEndConfig:
    """What to measure.

    Attributes:
        json: Where to write the rows.
        work: Where the videos are kept.
        seeds: One start and five arms each.
        dataset: The videos.
        networks: LightNet and HeavyNet, pretrained; None takes the small ones.
        heads: Selectors and classifiers, by name.
        timesteps: Timesteps of a video in memory.
        candidates: Timesteps of a video in a training step.
        budgets: Numbers of open timesteps from which each step of an arm draws one.
        tuning_epochs: Of fine-tuning, at the rate of the arms' heads.
        starting_epochs: Of the start.
        training_epochs: Of every arm.
        batch_size: Videos of a step of fine-tuning and start; arms take half of them.
        rate: Learning rate of selector and classifier in every arm, and of everything in fine-tuning.
        network_rate: Learning rate of the networks in every arm.
    """

    json: Path | None = None
    work: Path = Path("runs/benchmarks/end_to_end")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    dataset: SyntheticConfig = field(default_factory=hard_videos)
    networks: NetworksConfig | None = None
    heads: tuple[HeadName, ...] = tuple(HEADS)
    timesteps: int = 32
    candidates: int = 16
    budgets: tuple[int, ...] = (2, 4, 8)
    tuning_epochs: int = 2
    starting_epochs: int = 8
    training_epochs: int = 3
    batch_size: int = 16
    rate: float = 3e-4
    network_rate: float = 1e-4


def main() -> None:
    """Measure, print and write."""
    run_benchmark(EndToEndConfig, run, about=__doc__)


def run(config: EndToEndConfig) -> list[Row]:
    """Measure as many seeds at once as there are cores, and write what there is after each."""
    rows: list[Row] = []
    with ray_session(logs=config.work / "logs"):
        experiment = ray.put(experiment_of(config))
        left = [measure_once.remote(experiment, seed, _folder(config)) for seed in config.seeds]
        with phase("seeds", unit="seeds") as advance:
            while left:
                (done,), left = ray.wait(left)
                rows += ray.get(done)
                write_record(config.json, rows)
                advance(len(config.seeds) - len(left), len(config.seeds))
    print(markdown(rows))
    return rows


def _folder(config: EndToEndConfig) -> Path:
    """Where the rows of this experiment are kept; another one has another folder."""
    asked = {name: value for name, value in to_dict(config).items() if name not in ("json", "seeds")}
    return finished(config.work, asked)


def experiment_of(config: EndToEndConfig) -> Experiment:
    """Make the videos, and decode them."""
    manifest = prepare(PrepareSynthetic(output=config.work / "videos", dataset=config.dataset))
    networks = config.networks or small_networks(config.work)
    built = Networks(networks)
    sizes = {"light": built.light.input.size, "heavy": built.heavy.input.size}
    with phase("decode"):
        splits = {
            name: decode_split(manifest.split(name), timesteps=config.timesteps, **sizes)
            for name in ("train", "validation", "test")
        }
    return Experiment(
        splits=splits,
        networks=networks,
        heads={name: HEADS[name] for name in config.heads},
        sparsity=SparsityConfig(budgets=config.budgets, target_timesteps=4),
        candidates=config.candidates,
        **optimisations(config),
    )


def optimisations(config: EndToEndConfig) -> dict[str, OptimisationConfig]:
    """How networks are fine-tuned, how the start is trained on their features, and how the arms are."""
    return {
        "tuning": OptimisationConfig(
            epochs=config.tuning_epochs,
            batch_size=config.batch_size,
            network_learning_rate=config.rate,
            learning_rate=config.rate,
        ),
        "starting": OptimisationConfig(
            epochs=config.starting_epochs, batch_size=config.batch_size, validate_every=2
        ),
        "training": OptimisationConfig(
            epochs=config.training_epochs,
            batch_size=config.batch_size // 2,
            learning_rate=config.rate,
            network_learning_rate=config.network_rate,
        ),
    }


if __name__ == "__main__":
    main()
