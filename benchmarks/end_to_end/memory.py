"""Videos whose timesteps are decoded once and kept in memory, small, and batches of them for the training loop."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from epitoma.core.selection import FeatureCandidates, PixelCandidates, all_valid
from epitoma.core.timesteps import Timesteps
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import Networks
from epitoma.training.batch import Batch, make_batch
from epitoma.training.feature_batches import FeatureSource, FeatureSplit
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video

CHUNK = 8
"""Videos of a forward pass where features are extracted."""


@dataclass(frozen=True, kw_only=True)
class PixelVideos:
    """Videos of one split, single frames as timesteps.

    Attributes:
        video_ids: Their ids.
        light_VTHWC: LightNet's frame of each of D timesteps, uint8.
        heavy_VTHWC: HeavyNet's, uint8.
        labels_VL: Multi-hot labels.
        evidence_VT: Which timesteps show what the label says.
    """

    video_ids: list[str]
    light_VTHWC: np.ndarray
    heavy_VTHWC: np.ndarray
    labels_VL: Tensor
    evidence_VT: Tensor

    def candidates(self, rows: Sequence[int], places_BT: np.ndarray) -> PixelCandidates:
        """Some timesteps of some videos, as the model takes them."""
        at = (np.asarray(rows)[:, None], places_BT)
        frames_BTCHW = torch.from_numpy(self.light_VTHWC[at]).movedim(-1, -3)
        snippets_BTCHW = torch.from_numpy(self.heavy_VTHWC[at]).movedim(-1, -3)
        return PixelCandidates(
            frames_BTCHW=frames_BTCHW,
            snippets_BTCMHW=snippets_BTCHW.unsqueeze(3),
            valid_BT=all_valid(*places_BT.shape),
        )

    @torch.inference_mode()
    def features(self, networks: Networks) -> FeatureSplit:
        """Features of all timesteps by networks as they are."""
        seen = [self._features(networks, first) for first in range(0, len(self.video_ids), CHUNK)]
        return FeatureSplit(
            video_ids=self.video_ids,
            light_VTC=torch.cat([each.light_BTC for each in seen]).clone(),
            heavy_VTC=torch.cat([each.heavy_BTC for each in seen]).clone(),
            labels_VL=self.labels_VL,
        )

    def _features(self, networks: Networks, first: int) -> FeatureCandidates:
        rows = range(first, min(first + CHUNK, len(self.video_ids)))
        every_BT = np.tile(np.arange(self.light_VTHWC.shape[1]), (len(rows), 1))
        pixels = self.candidates(rows, every_BT)
        heavy_PC = networks.heavy(pixels.snippets_BTCMHW.flatten(0, 1))
        return FeatureCandidates(
            light_BTC=networks.light(pixels.frames_BTCHW),
            heavy_BTC=heavy_PC.view(*every_BT.shape, -1),
            valid_BT=pixels.valid_BT,
        )


def decode_split(split: Manifest, *, timesteps: int, light: int, heavy: int) -> PixelVideos:
    """Decode uniform timesteps of all videos of a split, at the two sizes in pixels."""
    paths = [Path(path) for path in split.resolved_paths()]
    with ProcessPoolExecutor() as processes:
        work = [processes.submit(_decode, path, timesteps, (light, heavy)) for path in paths]
        decoded = [each.result() for each in work]
    seconds_VT = np.stack([seconds_T for _, _, seconds_T in decoded])
    return PixelVideos(
        video_ids=split.video_ids,
        light_VTHWC=np.stack([light_THWC for light_THWC, _, _ in decoded]),
        heavy_VTHWC=np.stack([heavy_THWC for _, heavy_THWC, _ in decoded]),
        labels_VL=torch.from_numpy(split.label_matrix()),
        evidence_VT=torch.from_numpy(split.evidence(seconds_VT)),
    )


def _decode(path: Path, timesteps: int, sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    index = index_video(path)
    places = (np.arange(timesteps) + 0.5) * index.frame_count / timesteps
    chosen = Timesteps(starts_T=places.astype(np.int64), frames_per_timestep=1, frame_count=index.frame_count)
    light_THWC, heavy_THWC = decode_frames(path, index, chosen.middle_frames_T, sizes=sizes)
    return light_THWC, heavy_THWC, index.seconds_of(chosen.middle_frames_T)


class MemorySource(FeatureSource):
    """Training and validation batches as from features, but of pixels in memory."""

    def _batch(self, rows: pa.Table, split: Any) -> Batch:
        numbers = rows["row"].to_pylist()
        return make_batch(
            video_ids=rows["video_id"].to_pylist(),
            candidates=split.candidates(numbers, np.stack(rows["timesteps"].to_numpy())),
            labels_BL=split.labels_VL[numbers],
            weight_B=torch.ones(len(numbers)),
            seeds=rows["seed"].to_pylist(),
            selection=self.config.selection,
        )
