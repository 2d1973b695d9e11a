"""What the small networks know before they see a video: pictures of sprites, as published networks know photographs.

HeavyNet is taught shapes and colours, LightNet shapes alone, so that videos have something left to teach about what is
worth a look.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

import benchmarks.end_to_end.small_nets  # noqa: F401  (registers the networks)
from benchmarks.finished import finished
from epitoma.datasets.backgrounds import drifting_background
from epitoma.datasets.sprites import (
    DISTRACTOR_APPEARANCES,
    MOTIONS,
    ONE_ACTIONS,
    OneAction,
    animate,
    paste,
)
from epitoma.files.atomic import renamed_when_whole
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import phase

APPEARANCES = sorted({*(action.appearance for action in ONE_ACTIONS), *DISTRACTOR_APPEARANCES})
SHAPES = sorted({shape for shape, _ in APPEARANCES})
COLOURS = sorted({colour for _, colour in APPEARANCES})
CLASSES = 1 + max(len(SHAPES), len(COLOURS))

KNOWN: Mapping[str, tuple[str, ...]] = {"small_light": ("shape",), "small_heavy": ("shape", "colour")}
"""What each network is taught."""

PICTURES = 12_000
EPOCHS = 8
BATCH = 64
LEARNING_RATE = 1e-3
SIDE = 96
"""Pixels of a picture, before a network's own size."""

Pictures = tuple[Tensor, Mapping[str, Tensor]]
"""Pixels, uint8 ``(N, 3, H, W)``, and shape and colour of what each picture shows, numbers from 1."""

BACKGROUND_PICTURES = 8
"""Pictures that share a texture, since making one takes far longer than drawing on it."""


def small_networks(work: Path) -> NetworksConfig:
    """Both networks, with weights that are made where ``work`` does not have them of this code."""
    folder = finished(work, "pictures", PICTURES, EPOCHS)
    files = {name: folder / f"{name}.safetensors" for name in KNOWN}
    if not all(file.is_file() for file in files.values()):
        _pretrain_all(files)
    return NetworksConfig(
        light=LightNet.Config(name="small_light", weights=str(files["small_light"])),
        heavy=HeavyNet.Config(name="small_heavy", weights=str(files["small_heavy"])),
    )


def _pretrain_all(files: Mapping[str, Path]) -> None:
    pictures = pictures_of_sprites(PICTURES, seed=0)
    for name, file in files.items():
        with phase(f"pretrain {name} on pictures"):
            state = pretrain(name, pictures, epochs=EPOCHS)
        file.parent.mkdir(parents=True, exist_ok=True)
        with renamed_when_whole(file) as temporary:
            safetensors.torch.save_file(state, temporary)


def pretrain(name: str, pictures: Pictures, *, epochs: int) -> dict[str, Tensor]:
    """Weights of a network that was taught what ``KNOWN`` says of pictures, the same ones at every call."""
    torch.manual_seed(0)
    pixels_NCHW, labels = pictures
    net = HeavyNet(HeavyNet.Config(name=name, weights="random")).train()
    size = net.input.size
    small_NCHW = functional.interpolate(pixels_NCHW.float(), size=(size, size), mode="area")
    heads = nn.ModuleDict({known: nn.Linear(net.channels, CLASSES) for known in KNOWN[name]})
    optimizer = torch.optim.Adam([*net.parameters(), *heads.parameters()], lr=LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(small_NCHW)).split(BATCH):
            optimizer.zero_grad()
            features_BC = net.forward_features(small_NCHW[rows])
            losses = [
                functional.cross_entropy(head(features_BC), labels[known][rows])
                for known, head in heads.items()
            ]
            torch.stack(losses).sum().backward()
            optimizer.step()
    # Weights lie in the network's own memory format, which files do not have.
    return {key: value.contiguous() for key, value in net.net.state_dict().items()}


def pictures_of_sprites(count: int, *, seed: int) -> Pictures:
    """Pictures of random sprites; one in nine shows nothing (0, 0)."""
    rng = np.random.default_rng(seed)
    shown, pixels = [], []
    for first in range(0, count, BACKGROUND_PICTURES):
        brightness = rng.uniform(0.85, 1.1)
        frames = min(BACKGROUND_PICTURES, count - first)
        for frame in drifting_background(rng, frames, size=SIDE, brightness=brightness):
            shown.append((0, 0) if rng.integers(9) == 0 else _draw(frame, brightness, rng))
            pixels.append(frame)
    shape_N, colour_N = torch.tensor(shown).unbind(dim=1)
    return torch.from_numpy(np.stack(pixels)).movedim(-1, 1), {"shape": shape_N, "colour": colour_N}


def _draw(frame: np.ndarray, brightness: float, rng: np.random.Generator) -> tuple[int, int]:
    """Draw any sprite into a frame; returns numbers of its shape and its colour, from 1."""
    shape, colour = APPEARANCES[rng.integers(len(APPEARANCES))]
    action = OneAction("any", shape, colour, MOTIONS[rng.integers(len(MOTIONS))])
    ((sprite, top, left),) = animate(action, 1, rng, size=SIDE, fps=8, brightness=brightness)
    paste(frame, sprite, top=top, left=left)
    return 1 + SHAPES.index(shape), 1 + COLOURS.index(colour)
