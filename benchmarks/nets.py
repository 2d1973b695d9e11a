"""How fast networks run here, against plain eager float32: `python -m benchmarks.nets`.

Plain is the network as its library builds it, in PyTorch's own memory layout, on the whole batch at once. On a GPU
epitoma's way is bfloat16, channels last and, with `--compile`, compiled, and each is given as a share of what the GPU
reaches in a bare matrix product of bfloat16.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from epitoma.cost.gmacs import network_gmacs
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.speed import Speed
from epitoma.models.trunk import build_trunk
from epitoma.reporting.console import say

NETS = (
    "mobilenetv3_small_100",
    "resnet50",
    "shufflenet3d",
    "i3d",
    "s3d",
    "r2plus1d_18",
    "mvit_v2_s",
    "swin3d_t",
)
MATRIX = 8192
TRAINING_FACTOR = 3
"""A training step multiplies for the output, for the gradient of the input, and for that of the weights."""


@dataclass(kw_only=True)
class NetsConfig:
    """What to measure.

    Attributes:
        nets: Names of networks.
        timesteps: Timesteps of a video, all of which the network sees.
        videos: Videos of a batch on a GPU; on a CPU it is one.
        turns: How often each way is timed, in turn; the fastest counts.
        compile: Compile epitoma's way.
        json: Where to write the result.
    """

    nets: tuple[str, ...] = NETS
    timesteps: int = 8
    videos: int = 8
    turns: int = 5
    compile: bool = False
    json: Path | None = None


def main() -> None:
    """Measure every network at inference, and on a GPU in training too."""
    config = tyro.cli(NetsConfig, description=__doc__)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    peak = matrix_rate(device) if device.type == "cuda" else None
    say(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    rows = []
    for name in config.nets:
        for training in (False, True) if device.type == "cuda" else (False,):
            rows.append(measure_or_say(name, config, device, training=training, peak_gmacs=peak))
            say("  " + "  ".join(f"{key} {value}" for key, value in rows[-1].items()))
            if config.json is not None:
                write_json(config.json, rows)


def measure_or_say(
    name: str, config: NetsConfig, device: torch.device, *, training: bool, peak_gmacs: float | None
) -> dict[str, object]:
    """Measure, or say that a GPU's memory does not hold the batch, which plain training of video nets is large for."""
    try:
        return measure(name, config, device, training=training, peak_gmacs=peak_gmacs)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return {"net": name, "training": training, "out_of_memory": True}


def measure(
    name: str, config: NetsConfig, device: torch.device, *, training: bool, peak_gmacs: float | None
) -> dict[str, object]:
    """Videos a second of both ways, and their ratio."""
    torch.manual_seed(0)
    heavy = HeavyNet(HeavyNet.Config(name=name, weights="random")).to(device)
    gmacs_each = network_gmacs(heavy, blank(heavy, 1))
    heavy.run_as(Speed(compile=config.compile))
    videos = config.videos if device.type == "cuda" else 1
    snippets = blank(heavy, videos * config.timesteps).to(device)
    plain = build_trunk(name).net.eval().to(device)
    ways: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: plain(normalised(heavy, snippets)),
        "ours": lambda: heavy(snippets),
    }
    modules: dict[str, nn.Module] = {"plain": plain, "ours": heavy}
    seconds = {
        way: [run_seconds(run, modules[way], device, training=training) for _ in range(2)][1:]
        for way, run in ways.items()
    }
    for _ in range(config.turns - 1):
        for way, run in ways.items():
            seconds[way].append(run_seconds(run, modules[way], device, training=training))
    best = {way: min(measured) for way, measured in seconds.items()}
    row: dict[str, object] = {
        "net": name,
        "training": training,
        "plain_videos_per_second": round(videos / best["plain"], 3),
        "videos_per_second": round(videos / best["ours"], 3),
        "ratio": round(best["plain"] / best["ours"], 2),
    }
    if peak_gmacs is not None:
        gmacs = len(snippets) * gmacs_each * (TRAINING_FACTOR if training else 1)
        row["share_of_matrix_rate"] = round(gmacs / best["ours"] / peak_gmacs, 3)
    return row


def run_seconds(
    run: Callable[[], Tensor], module: nn.Module, device: torch.device, *, training: bool
) -> float:
    """Time of one pass, with gradients of everything where it is a training step."""
    started = _now(device)
    if training:
        run().float().sum().backward()
        module.zero_grad(set_to_none=True)
    else:
        with torch.inference_mode():
            run()
    return _now(device) - started


def matrix_rate(device: torch.device) -> float:
    """GMACs a second of a large bfloat16 matrix product."""
    a = torch.randn(MATRIX, MATRIX, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    started = _now(device)
    for _ in range(10):
        a @ a
    return 10 * MATRIX**3 / 1e9 / (_now(device) - started)


def blank(heavy: HeavyNet, count: int) -> Tensor:
    """Random snippets of the network's own size."""
    spec = heavy.input
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, spec.frames, spec.size, spec.size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def normalised(heavy: HeavyNet, snippets: Tensor) -> Tensor:
    """Pixels as a network of another library wants them."""
    shape = (3, 1, 1, 1)
    pixels = (snippets.float() - heavy.mean_C.view(shape)) / heavy.std_C.view(shape)
    return pixels if heavy.takes_snippets else pixels.transpose(1, 2).flatten(0, 1)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    main()
