"""How much of a training step is left when half the gates are shut: `python -m benchmarks.sparse_step`."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
import tyro

from epitoma.core.selection import PixelCandidates, all_valid
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, VideoEpitoma, build_model
from epitoma.training.losses import cross_entropy


@dataclass(kw_only=True)
class SparseStepConfig:
    """The step to measure; HeavyNet dominates it by default.

    Attributes:
        heavy: HeavyNet's timm name.
        heavy_size: Its frames' height and width.
        light_size: LightNet's.
        batch: Videos of a step.
        timesteps: Candidates of a video.
        repeats: Steps of each kind, taken in turn; medians are compared.
        json: Where to write the result.
    """

    heavy: str = "resnet50"
    heavy_size: int = 112
    light_size: int = 32
    batch: int = 2
    timesteps: int = 8
    repeats: int = 7
    json: Path | None = None


def step_seconds(model: VideoEpitoma, candidates: PixelCandidates, open_share: float) -> float:
    """Time of forward, backward and optimiser step with a share of the gates open."""
    batch, timesteps = candidates.valid_BT.shape
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    open_BT = torch.arange(timesteps).expand(batch, -1) < open_share * timesteps
    labels_BL = torch.eye(10)[:batch]
    started = time.perf_counter()
    # Given gates leave LightNet out, but a real step pays for it whichever gates are open.
    model.light_features(candidates).sum().backward()
    cross_entropy(model(candidates, open_BT=open_BT), labels_BL).mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - started


def measure(config: SparseStepConfig) -> dict[str, float]:
    """Median step with all gates open and with half of them, in turn, and their ratio."""
    model = build_model(model_config(config)).train()
    candidates = random_candidates(config)
    for share in (1.0, 0.5):
        step_seconds(model, candidates, share)
    seconds: dict[float, list[float]] = {1.0: [], 0.5: []}
    for _ in range(config.repeats):
        for share, measured in seconds.items():
            measured.append(step_seconds(model, candidates, share))
    everything, half = median(seconds[1.0]), median(seconds[0.5])
    return {"step_seconds_all": everything, "step_seconds_half": half, "step_ratio_half": half / everything}


def model_config(config: SparseStepConfig) -> ModelConfig:
    """A model with random weights, which cost the same."""
    return ModelConfig(
        networks=NetworksConfig(
            light=LightNet.Config(name="mobilenetv3_small_050", weights="random", size=config.light_size),
            heavy=HeavyNet.Config(name=config.heavy, weights="random", size=config.heavy_size),
        ),
        head=HeadConfig(),
        classes=tuple("abcdefghij"),
        multi_label=False,
        timesteps=config.timesteps,
    )


def random_candidates(config: SparseStepConfig) -> PixelCandidates:
    """Random pixels from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    lead = (config.batch, config.timesteps, 3)

    def pixels(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    return PixelCandidates(
        frames_BTCHW=pixels(*lead, config.light_size, config.light_size),
        snippets_BTCMHW=pixels(*lead, 1, config.heavy_size, config.heavy_size),
        valid_BT=all_valid(config.batch, config.timesteps),
    )


def main() -> None:
    """Measure, print and write."""
    config = tyro.cli(SparseStepConfig, description=__doc__)
    result = measure(config)
    print(f"all gates open  {result['step_seconds_all']:.3f} s a step")
    print(f"half of them    {result['step_seconds_half']:.3f} s a step")
    print(f"ratio           {result['step_ratio_half']:.3f}")
    if config.json is not None:
        write_json(config.json, result)


if __name__ == "__main__":
    main()
