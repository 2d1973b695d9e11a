"""Runs on synthetic videos for every study, from features of frozen networks.

What training the networks too gains takes more steps from pixels than there is time for (``benchmarks/end_to_end``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.studies.feature_runs import FeatureData, feature_data, run_all
from benchmarks.studies.variants import ablation_runs, conditioned_runs
from epitoma.core.config import CONFIG_FILE
from epitoma.core.sampling import stable_seed
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.training.checkpoint import MODEL
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.parts.demo_configs import demo_selector, offline_networks
from ray_jobs.prepare import PrepareSynthetic, prepare
from ray_jobs.train import train

HEAVY_SIZES = (80, 112)
"""HeavyNets of the studies: the same network, which costs twice as much on the larger frames."""

TIME_SCALES = (4, 8, 16)


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
        alone = {seed: self._standalone(base, seed) for seed in self.seeds}
        plain, together = [], []
        for size in HEAVY_SIZES:
            for seed, chooser in alone.items():
                plain.append(self._plain(base, size, seed, chooser))
                together.append(self._together(base, size, seed))
        features = self._features(base, manifest)
        conditioned = conditioned_runs(features, self.seeds)
        return {
            "table2": [*together, *plain],
            "figure4": [*together, *plain],
            "figure5": [*(config.folder for config in alone.values()), *together],
            "figure6": run_all("frame- and context-conditioned gates", features, conditioned),
            "figure7": [*together, *plain],
            "figure8": together[-len(self.seeds) :],
            "off_the_shelf": plain,
            "ablation": run_all("ablation", features, ablation_runs(features, self.seeds)),
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

    def _plain(self, base: TrainConfig, size: int, seed: int, chooser: TrainConfig) -> Path:
        """A classifier on all timesteps that never meets a selector, and then another's selector in front of it."""
        networks = offline_networks(heavy=size)
        config = replace(base, name=f"plain_{size}_{seed}", networks=networks, selection="dense", seed=seed)
        self._done(config)
        self._evaluate(config, selector_from=chooser.folder)
        return config.folder

    def _together(self, base: TrainConfig, size: int, seed: int) -> Path:
        """A selector and this HeavyNet's classifier, trained together, and evaluated at several time scales."""
        config = replace(
            base, name=f"together_{size}_{seed}", networks=offline_networks(heavy=size), seed=seed
        )
        self._done(config)
        for candidates in TIME_SCALES:
            self._evaluate(config, candidates=candidates)
        return config.folder

    def _done(self, config: TrainConfig) -> TrainConfig:
        """Train and evaluate what has not been; what was cut off goes on."""
        if not (config.folder / MODEL).is_dir():
            train(replace(config, resume=(config.folder / CONFIG_FILE).is_file()))
        self._evaluate(config)
        return config

    def _evaluate(
        self, config: TrainConfig, *, selector_from: Path | None = None, candidates: int | None = None
    ) -> None:
        among = "" if candidates is None else f"_among_{candidates}"
        by = "" if selector_from is None else f"_selector_of_{selector_from.name}"
        for split in ("validation", "test"):
            if not (config.folder / f"evaluation_{split}{among}{by}" / "tradeoff.parquet").is_file():
                asked = EvaluateConfig(
                    run=config.folder,
                    manifest=config.manifest,
                    split=split,
                    selector_from=selector_from,
                    candidates=candidates,
                    features=config.features,
                    quiet=True,
                )
                evaluate(asked)
