"""Minutes-long videos of real footage with known evidence, as features: composites that are never encoded.

Which clip is shown where is planned by ``epitoma.datasets.composites``, as for composites that are encoded.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.selectors.clip_features import FPS, VIEWS, ClipFeatures, middles, read_clips
from benchmarks.selectors.videos import Place, Splits, Videos
from epitoma.core.sampling import stable_seed
from epitoma.datasets.clip_sequences import CompositeVideo, Story
from epitoma.datasets.clips import Clip, check_clip, without_copies
from epitoma.datasets.composites import LookConfig, check_supply
from epitoma.datasets.listing import Listing
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.reporting.console import phase
from epitoma.training.feature_batches import FeatureSplit
from epitoma.video.shots import frames_filled

TIMESTEPS = 128


def usable_clips(listing: Listing) -> list[Clip]:
    """Clips that decode whole, without copies, each with its split."""
    checked = [check_clip(video, fps=FPS, longest_seconds=60.0) for video in listing.videos]
    return without_copies([clip for clip in checked if isinstance(clip, Clip)])[0]


def composites_of(
    listing: Listing,
    story_of: Callable[[Sequence[Clip]], Story],
    look: LookConfig,
    networks: NetworksConfig,
    *,
    cache: Path,
) -> Splits:
    """Videos of every split, put together from the features of the listed clips; the usable ones say the story."""
    with phase(f"read the clips of {cache.name}"):
        clips = usable_clips(listing)
    story = story_of(clips)
    check_supply(clips, story.shown, filler=look.filler, splits=story.splits)
    features = read_clips(clips, networks, cache=cache)
    planned = story.plan(clips)
    made = {
        split: _videos(
            [video for video in planned if video.split == split], features, story.classes, look.seed
        )
        for split in story.splits
    }
    return Splits(training=made["train"], validation=made["validation"], test=made["test"])


def _videos(
    planned: Sequence[CompositeVideo],
    features: Mapping[str, ClipFeatures],
    classes: Sequence[str],
    seed: int,
) -> Videos:
    places = [places_of(video, seed) for video in planned]
    shown = [_shown(each, features) for each in places]
    labels = torch.tensor([classes.index(video.class_name) for video in planned])
    split = FeatureSplit(
        video_ids=[video.video_id for video in planned],
        light_VTC=torch.stack([light_TC for light_TC, _ in shown]),
        heavy_VTC=torch.stack([heavy_TC for _, heavy_TC in shown]),
        labels_VL=torch.eye(len(classes))[labels],
    )
    evidence_VT = torch.from_numpy(np.stack([_evidence(video) for video in planned]))
    return Videos(split=split, evidence_VT=evidence_VT, places=places, classes=tuple(classes))


def places_of(video: CompositeVideo, seed: int) -> list[Place]:
    """What each timestep of a video shows; each showing of a clip has its own view."""
    rng = np.random.default_rng(stable_seed(seed, "views", video.video_id))
    views = rng.integers(VIEWS, size=len(video.clips))
    ends = np.cumsum([frames_filled(clip.duration_seconds, fps=FPS) for clip in video.clips])
    starts = np.concatenate([[0], ends[:-1]])
    frames = middles(video.frame_count, TIMESTEPS)
    return [
        Place(
            clip=video.clips[showing],
            view=int(views[showing]),
            frame=int(frame - starts[showing]),
            frame_count=int(ends[showing] - starts[showing]),
        )
        for frame, showing in zip(frames, np.searchsorted(ends, frames, side="right"), strict=True)
    ]


def _shown(places: Sequence[Place], features: Mapping[str, ClipFeatures]) -> tuple[Tensor, Tensor]:
    """Features ``(T, C)`` of a video's timesteps."""
    light, heavy = [], []
    for place in places:
        clip = features[place.clip.clip_id]
        within = int(place.frame * clip.light_UTC.shape[1] / place.frame_count)
        light.append(clip.light_UTC[place.view, within])
        heavy.append(clip.heavy_UTC[place.view, within])
    return torch.stack(light), torch.stack(heavy)


def _evidence(video: CompositeVideo) -> np.ndarray:
    at = middles(video.frame_count, TIMESTEPS)
    shows = np.zeros(TIMESTEPS, dtype=bool)
    for stretch in video.evidence:
        shows |= (at >= stretch.start_frame) & (at < stretch.end_frame)
    return shows
