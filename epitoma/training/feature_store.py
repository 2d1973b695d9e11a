"""Feature store: features of frozen networks at dense timesteps, kept on disk so that training takes seconds.

A store is a folder named by its key, a digest of everything except the video that the features depend on: weights,
input sizes and sampling. Each row in it is keyed by the identity of its video. A changed setting leads to another
folder and a changed video to another row, so stale features are never read. Features that exist are never computed
again, whichever split or manifest needs them. A video that could not be read has a row too, with the reason, and is
tried again by the next job that needs it: storage may have been away for a minute.

====================== ================================================================================
column                 content
====================== ================================================================================
identity  string       digest of the video's id, frame count, file size and modification time
video_id  string       as in the manifest
path      string       path of the video when its features were computed
reject    string       why the video could not be read; empty if it could
replaced  int64        how many damaged frames a neighbour stands in for; null in stores from before this was kept
starts    binary       int32 first frames of the D timesteps
light     binary       float32 (D, C) features of LightNet
heavy     binary       float32 (D, C) features of HeavyNet
====================== ================================================================================
"""

import hashlib
import json
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import nn

from epitoma.core.errors import RunError
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.files.parquet import read_parquet
from epitoma.files.presence import entries_of, status_of
from epitoma.files.uris import is_address
from epitoma.training.events import VideoDamaged

KEY_FILE = "key.json"
PARTS_FOLDER = "parts"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("identity", "video_id", "path", "reject")),
        ("replaced", pa.int64()),
        *((name, pa.binary()) for name in ("starts", "light", "heavy")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class StoreKey:
    """Everything except the videos that the features depend on.

    Attributes:
        light_name: LightNet's name; the same tensors in another network give other features.
        heavy_name: HeavyNet's name.
        light_weights: Digest of LightNet's tensors.
        heavy_weights: Digest of HeavyNet's tensors.
        light_input: Size and normalisation of LightNet's input, as text.
        heavy_input: Size, frames and normalisation of HeavyNet's input, as text.
        timesteps: Dense uniform timesteps a video, D.
        scaling: How decoded frames are scaled to the input size.
        precision: Precision in which the networks multiply; None is the device's own.
    """

    light_name: str
    heavy_name: str
    light_weights: str
    heavy_weights: str
    light_input: str
    heavy_input: str
    timesteps: int
    scaling: str
    precision: str | None

    def digest(self) -> str:
        """Name of the store's folder, 16 hex digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Features of the readable videos of a manifest, in the manifest's order.

    Attributes:
        video_ids: Videos with features; rejected videos are left out.
        starts_VT: First frame of each timestep.
        light_VTC: LightNet's features.
        heavy_VTC: HeavyNet's features.
    """

    video_ids: list[str]
    starts_VT: np.ndarray
    light_VTC: torch.Tensor
    heavy_VTC: torch.Tensor


def identities(manifest: Manifest) -> list[str]:
    """Identity of every video of a manifest, from file metadata only; a replaced file gets another identity.

    Raises:
        OSError: The storage of a video fails.
    """
    columns = (manifest.video_ids, manifest.resolved_paths(), manifest.table["frame_count"].to_pylist())
    return [_identity(*values) for values in zip(*columns, strict=True)]


def identities_with_features(folder: Path) -> set[str]:
    """Identities of the videos whose features are in the store."""
    table = _read(folder, ["identity", "reject"])
    return set(table.filter(pc.field("reject") == "")["identity"].to_pylist())


def stored_flaws(folder: Path, manifest: Manifest) -> tuple[list[Reject], list[VideoDamaged]]:
    """Videos of the manifest that could not be read when features were extracted, and those that are damaged."""
    table = _rows_of(folder, manifest, ["identity", "video_id", "path", "reject", "replaced"])
    rejects = [
        Reject(row["video_id"], row["path"], row["reject"])
        for row in table.filter(pc.field("reject") != "").to_pylist()
    ]
    damaged = [
        VideoDamaged(video_id=row["video_id"], path=row["path"], replaced_frames=row["replaced"])
        for row in table.filter(pc.field("replaced") > 0).to_pylist()
    ]
    return rejects, damaged


def read_features(folder: Path, manifest: Manifest) -> Stored:
    """Read the features of a manifest's videos into memory.

    Raises:
        RunError: Videos of the manifest are not in the store, or all of them were rejected.
    """
    table = _rows_of(folder, manifest, SCHEMA.names)
    if len(table) < len(manifest):
        raise RunError(
            f"{folder} lacks features of {len(manifest) - len(table)} of {len(manifest)} videos; "
            "make them with `python -m ray_jobs.extract`"
        )
    table = table.filter(pc.field("reject") == "")
    if len(table) == 0:
        raise RunError(f"none of {len(manifest)} videos of {manifest.path} could be read")
    return Stored(
        video_ids=table["video_id"].to_pylist(),
        starts_VT=_matrix(table["starts"], np.int32),
        light_VTC=_tensor(table, "light"),
        heavy_VTC=_tensor(table, "heavy"),
    )


def weights_digest(net: nn.Module) -> str:
    """Digest of the names and values of a network's tensors, 16 hex digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _identity(video_id: str, path: str, frame_count: int) -> str:
    status = None if is_address(path) else status_of(path)
    is_file = status is not None and stat.S_ISREG(status.st_mode)
    content = f"{status.st_size}\x1f{status.st_mtime_ns}" if status and is_file else path
    return hashlib.sha256(f"{video_id}\x1f{frame_count}\x1f{content}".encode()).hexdigest()[:24]


def _rows_of(folder: Path, manifest: Manifest, columns: list[str]) -> pa.Table:
    """Rows of the manifest's videos, each once, in the manifest's order; videos not in the store are left out."""
    table = _read(folder, columns)
    place: dict[str, int] = {}
    for row, identity in enumerate(table["identity"].to_pylist()):
        # Features replace an earlier reject of the same video.
        if identity not in place or not table["reject"][row].as_py():
            place[identity] = row
    rows = [place[identity] for identity in identities(manifest) if identity in place]
    return table.take(pa.array(rows, pa.int64()))


def _read(folder: Path, columns: list[str]) -> pa.Table:
    # Hidden files are parts that are still being written.
    parts = entries_of(folder / PARTS_FOLDER, "[!.]*.parquet")
    tables = [read_parquet(part, columns=columns) for part in parts]
    # A column that a part lacks is null there.
    return pa.concat_tables([SCHEMA.empty_table().select(columns), *tables], promote_options="default")


def _tensor(table: pa.Table, column: str) -> torch.Tensor:
    timesteps = len(table["starts"][0].as_py()) // np.dtype(np.int32).itemsize
    flat = _matrix(table[column], np.float32)
    return torch.from_numpy(flat.reshape(len(flat), timesteps, -1))


def _matrix(column: pa.ChunkedArray, dtype: type) -> np.ndarray:
    return np.stack([np.frombuffer(value.as_buffer(), dtype=dtype) for value in column])
