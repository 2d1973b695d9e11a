"""Feature store: what frozen networks say of every dense timestep, kept so that training takes seconds.

A store is a folder named by its key, a digest of everything the features depend on: weights, input sizes,
sampling and the manifest's content. A changed setting is another folder, so stale features are never read; a
store without ``store.json`` is unfinished and counts as absent.

====================== ================================================================================
column                 content
====================== ================================================================================
video_id  string       as in the manifest
starts    binary       int32 first frames of the D timesteps
light     binary       float32 (D, C) features of LightNet
heavy     binary       float32 (D, C) features of HeavyNet
====================== ================================================================================
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from epitoma.errors import RunError

STORE_FILE = "store.json"
PARTS_FOLDER = "parts"
SCHEMA = pa.schema(
    [
        ("video_id", pa.string()),
        ("starts", pa.binary()),
        ("light", pa.binary()),
        ("heavy", pa.binary()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class StoreKey:
    """Everything the features depend on.

    Attributes:
        manifest: Digest of the manifest's content.
        splits: Splits that were extracted.
        light_weights: Digest of LightNet's tensors.
        heavy_weights: Digest of HeavyNet's tensors.
        light_input: Size and normalisation of LightNet's input, as text.
        heavy_input: Size, frames and normalisation of HeavyNet's input, as text.
        timesteps: Dense uniform timesteps a video, D.
    """

    manifest: str
    splits: tuple[str, ...]
    light_weights: str
    heavy_weights: str
    light_input: str
    heavy_input: str
    timesteps: int

    def digest(self) -> str:
        """Name of the store's folder."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """A finished store in memory, rows ordered by video id."""

    folder: Path
    video_ids: list[str]
    starts_VT: np.ndarray
    light_VTC: torch.Tensor
    heavy_VTC: torch.Tensor

    def rows(self, video_ids: list[str]) -> torch.Tensor:
        """Row numbers of videos, in the order given.

        Raises:
            RunError: A video is not in the store.
        """
        place = {video_id: row for row, video_id in enumerate(self.video_ids)}
        missing = [video_id for video_id in video_ids if video_id not in place]
        if missing:
            raise RunError(f"{self.folder} has no features of {len(missing)} videos (first: {missing[0]!r})")
        return torch.tensor([place[video_id] for video_id in video_ids])


def is_finished(folder: Path) -> bool:
    """Whether a store's extraction ran to its end."""
    return (folder / STORE_FILE).is_file()


def open_store(folder: Path) -> FeatureStore:
    """Read a finished store into memory.

    Raises:
        RunError: There is no finished store in the folder.
    """
    if not is_finished(folder):
        raise RunError(f"no feature store at {folder}; make it with `python -m ray_jobs.extract`")
    table = pq.read_table(folder / PARTS_FOLDER, schema=SCHEMA).sort_by("video_id")
    return FeatureStore(
        folder=folder,
        video_ids=table["video_id"].to_pylist(),
        starts_VT=_matrix(table["starts"], np.int32),
        light_VTC=_tensor(table, "light"),
        heavy_VTC=_tensor(table, "heavy"),
    )


def weights_digest(net: nn.Module) -> str:
    """Digest of a network's tensors, names and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _tensor(table: pa.Table, column: str) -> torch.Tensor:
    timesteps = len(table["starts"][0].as_py()) // np.dtype(np.int32).itemsize
    flat = _matrix(table[column], np.float32)
    return torch.from_numpy(flat.reshape(len(flat), timesteps, -1))


def _matrix(column: pa.ChunkedArray, dtype: type) -> np.ndarray:
    return np.stack([np.frombuffer(value.as_buffer(), dtype=dtype) for value in column])
