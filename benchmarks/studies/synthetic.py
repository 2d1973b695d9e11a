"""Runs on synthetic videos for every study, from the stand-alone selector to training end to end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.studies.feature_runs import FeatureData, feature_data, run_all
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import VideoClassifier
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.paper import paper_selector
from epitoma.models.videoepitoma import HeadConfig, Networks, NetworksConfig
from epitoma.presets import demo_dataset, demo_end_to_end, demo_selector, offline_networks
from epitoma.sampling import stable_seed
from epitoma.sparsity import SparsityConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.prepare import PrepareSynthetic, prepare
from ray_jobs.runs import CONFIG, MODEL
from ray_jobs.train import train

HEAVY_SIZES = (80, 112)
"""HeavyNets of the studies: the same network, which costs twice as much on the larger frames."""

KERNELS = (8, 32, 128, 256)


@dataclass(frozen=True, kw_only=True)
class SyntheticStudies:
    """What is trained.

    Attributes:
        work: Where dataset, features and runs are kept, so that a second run goes on.
        seeds: Of every training.
        dataset: The videos.
        optimisation: Of every training from features.
    """

    work: Path
    seeds: Sequence[int]
    dataset: SyntheticConfig
    optimisation: OptimisationConfig

    def run(self) -> Mapping[str, list[Path]]:
        """Train and evaluate everything; returns the runs of each study."""
        manifest = prepare(PrepareSynthetic(output=self.work / "synthetic", dataset=self.dataset))
        base = self._base(manifest)
        alone = [self._standalone(base, seed) for seed in self.seeds]
        plain = [self._plain(base, size, seed) for size in HEAVY_SIZES for seed in self.seeds]
        ends = [self._end_to_end(base, size, chooser) for size in HEAVY_SIZES for chooser in alone]
        for each, chooser in zip(plain, alone * len(HEAVY_SIZES), strict=True):
            self._evaluate(each, manifest, selector_from=chooser.folder)
        features = self._features(base, manifest)
        together = [config.folder for config in (*ends, *plain)]
        return {
            "table2": together,
            "figure5": [config.folder for config in (*alone, *ends)],
            "figure6": run_all("frame- and context-conditioned gates", features, self._conditioned(features)),
            "figure7": together,
            "figure8": [config.folder for config in ends[-len(self.seeds) :]],
            "ablation": run_all("ablation", features, self._ablation(features)),
            "off_the_shelf": [config.folder for config in plain],
        }

    def _base(self, manifest: Manifest) -> TrainConfig:
        config = demo_selector(self.work / "runs", manifest.path)
        return replace(config, optimisation=self.optimisation, features=self.work / "features")

    def _features(self, base: TrainConfig, manifest: Manifest) -> FeatureData:
        torch.manual_seed(stable_seed("networks"))
        networks = Networks(base.networks).eval()
        return feature_data(replace(base, runs=self.work / "ablation"), manifest, networks)

    def _standalone(self, base: TrainConfig, seed: int) -> TrainConfig:
        """LightNet's network for both."""
        light = base.networks.light
        networks = NetworksConfig(
            light=light, heavy=HeavyNet.Config(name=light.name, weights=light.weights, size=light.size)
        )
        return self._done(replace(base, name=f"standalone_{seed}", networks=networks, seed=seed))

    def _plain(self, base: TrainConfig, size: int, seed: int) -> TrainConfig:
        """A classifier on all timesteps that never meets a selector."""
        networks = offline_networks(heavy=size)
        return self._done(
            replace(base, name=f"plain_{size}_{seed}", networks=networks, selection="dense", seed=seed)
        )

    def _end_to_end(self, base: TrainConfig, size: int, chooser: TrainConfig) -> TrainConfig:
        """From a stand-alone selector: its classifier is trained from features first, then all from pixels."""
        first = self._done(
            replace(
                base,
                name=f"frozen_{size}_{chooser.seed}",
                networks=offline_networks(heavy=size),
                selector_from=chooser.folder,
                seed=chooser.seed,
            )
        )
        config = demo_end_to_end(first.runs, first.manifest)
        return self._done(
            replace(
                config,
                name=f"end_to_end_{size}_{chooser.seed}",
                networks=first.networks,
                start_from=first.folder,
                features=first.features,
                seed=first.seed,
            )
        )

    def _done(self, config: TrainConfig) -> TrainConfig:
        """Train and evaluate what has not been; what was cut off goes on."""
        if not (config.folder / MODEL).is_dir():
            train(replace(config, resume=(config.folder / CONFIG).is_file()))
        self._evaluate(config, None)
        return config

    def _evaluate(
        self, config: TrainConfig, manifest: Manifest | None, *, selector_from: Path | None = None
    ) -> None:
        by = "" if selector_from is None else f"_selector_of_{selector_from.name}"
        asked = EvaluateConfig(
            run=config.folder,
            manifest=config.manifest,
            selector_from=selector_from,
            features=config.features,
            quiet=True,
        )
        for split in ("validation", "test"):
            if not (config.folder / f"evaluation_{split}{by}" / "tradeoff.parquet").is_file():
                evaluate(replace(asked, split=split))
        for candidates in (8, 16):
            among = config.folder / f"evaluation_test_among_{candidates}" / "tradeoff.parquet"
            if selector_from is None and config.selection == "learnt" and not among.is_file():
                evaluate(replace(asked, candidates=candidates))
