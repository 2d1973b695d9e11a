"""Features of short clips, each shown in several ways: what videos of the benchmark are put together from.

A composed video is clips shown one after the other, and a timestep's features depend on its own frames alone, so
thousands of videos cost one pass over the clips.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ray
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from epitoma.core.config import to_dict
from epitoma.datasets.clips import Clip
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.reporting.console import phase
from epitoma.video.shots import Shot, frames_filled, random_shot, shot_frames

FPS = 12
FRAMES_A_TIMESTEP = 6
VIEWS = 6
CLIPS_A_TASK = 16


@dataclass(frozen=True, kw_only=True)
class ClipFeatures:
    """What both networks say of one clip.

    Attributes:
        light_UTC: LightNet's features of each of U ways to show it, at each of its timesteps.
        heavy_UTC: HeavyNet's.
    """

    light_UTC: Tensor
    heavy_UTC: Tensor


def read_clips(clips: Sequence[Clip], config: NetworksConfig, *, cache: Path) -> dict[str, ClipFeatures]:
    """Features of every clip by its id, from the cache where they are there.

    A cache is named by the networks' config, the clips and the ways to show them.
    """
    file = cache / f"{_digest(clips, config)}.safetensors"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        save_file(_extract(clips, config), file)
    tensors = load_file(file)
    return {
        clip.clip_id: ClipFeatures(
            light_UTC=tensors[f"{clip.digest}/light"], heavy_UTC=tensors[f"{clip.digest}/heavy"]
        )
        for clip in clips
    }


def timesteps_of(clip: Clip) -> int:
    """Timesteps that a clip fills; the shortest fills one."""
    return max(1, round(frames_filled(clip.duration_seconds, fps=FPS) / FRAMES_A_TIMESTEP))


def _extract(clips: Sequence[Clip], config: NetworksConfig) -> dict[str, Tensor]:
    parts = [clips[start : start + CLIPS_A_TASK] for start in range(0, len(clips), CLIPS_A_TASK)]
    with phase("features of clips", unit="clips") as advance:

        def watch(done: int, _: int) -> None:
            advance(min(done * CLIPS_A_TASK, len(clips)), len(clips))

        found = in_parallel(lambda part: _features.remote(part, config), parts, watch)
    return {name: tensor for part in found for name, tensor in part.items()}


@ray.remote(num_cpus=1)
def _features(clips: Sequence[Clip], config: NetworksConfig) -> dict[str, Tensor]:
    """Features of some clips, by their digest and the network."""
    torch.set_num_threads(1)
    networks = Networks(config)
    networks.fold()
    tensors: dict[str, Tensor] = {}
    for clip in clips:
        seen = [_seen(clip, view, networks) for view in range(VIEWS)]
        tensors[f"{clip.digest}/light"] = torch.stack([light_TC for light_TC, _ in seen])
        tensors[f"{clip.digest}/heavy"] = torch.stack([heavy_TC for _, heavy_TC in seen])
    return tensors


@torch.inference_mode()
def _seen(clip: Clip, view: int, networks: Networks) -> tuple[Tensor, Tensor]:
    """Features ``(T, C)`` of both networks for one way to show a clip."""
    shot = shot_of(clip, view)
    spec = networks.heavy.input
    at = middles(shot.frame_count, timesteps_of(clip))
    light = np.stack(list(shot_frames([shot], fps=FPS, size=networks.light.input.size)))[at]
    heavy = np.stack(list(shot_frames([shot], fps=FPS, size=spec.size)))
    offsets = np.arange(spec.frames) - spec.frames // 2
    snippets = heavy[np.clip(at[:, None] + offsets, 0, shot.frame_count - 1)]
    light_1TCHW = torch.from_numpy(np.ascontiguousarray(light.transpose(0, 3, 1, 2)))[None]
    snippets_TCMHW = torch.from_numpy(np.ascontiguousarray(snippets.transpose(0, 4, 1, 2, 3)))
    return networks.light(light_1TCHW)[0], networks.heavy(snippets_TCMHW)


def middles(frames: int, timesteps: int) -> np.ndarray:
    """Middle frame of each timestep, uniform over a clip or a video."""
    return ((np.arange(timesteps) + 0.5) * frames / timesteps).astype(int)


def shot_of(clip: Clip, view: int) -> Shot:
    """A way to show a clip, the same for the same clip and number."""
    seed = hashlib.sha256(f"{clip.digest}/{view}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:16]))
    frame_count = frames_filled(clip.duration_seconds, fps=FPS)
    return random_shot(rng, clip.path, frame_count=frame_count)


def _digest(clips: Sequence[Clip], config: NetworksConfig) -> str:
    settings = [to_dict(config), FPS, FRAMES_A_TIMESTEP, VIEWS, sorted(clip.digest for clip in clips)]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
