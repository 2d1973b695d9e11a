"""The two computing stages of prediction, actors with the networks: selecting timesteps, and classifying."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import torch

from epitoma.core.stopwatch import Stopwatch
from epitoma.files.uris import without_secrets
from epitoma.inference.prediction import Chosen, Prediction
from epitoma.inference.predictions import PREDICTION_SCHEMA
from epitoma.inference.predictor import Predictor
from epitoma.on_ray.decode.pixel_rows import Row, pixel_rows, pixel_table
from epitoma.on_ray.decode.sparse_decoding import BETWEEN, NO_PIXELS
from epitoma.video.index_table import row_index

RESULT = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("reject", pa.string()),
        pa.field("fault", pa.string()),
        pa.field("prediction", pa.struct(list(PREDICTION_SCHEMA))),
        pa.field("stream", pa.int32()),
    ]
)
"""Result of a video: its prediction, or why it cannot be read (``reject``), or the traceback of a bug (``fault``);
and the number of the stream that was chosen of a file with several videos (``stream``)."""


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """Options of a prediction, the same for every video.

    Attributes:
        budget: Keep exactly this many timesteps; None lets the gates decide.
        top: Most labels to return.
        min_score: Leave out labels with a score below this.
    """

    budget: int | None = None
    top: int = 5
    min_score: float = 0.0


class Stage(ABC):
    """Actor with the networks; an error in it is a bug, not a bad video, and is returned as ``fault``.

    Args:
        shared: Model and its config, in the object store.
        request: Options of the prediction.
        gpu: Whether to compute on this actor's GPU.
    """

    def __init__(self, shared: ray.ObjectRef, request: PredictRequest, *, gpu: bool) -> None:
        torch.set_num_threads(1)
        model, config = ray.get(shared)
        self.predictor = Predictor(model, config, device=torch.device("cuda" if gpu else "cpu"))
        self.request = request

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Do this stage's work on every video without a reject or fault; yields a table per video."""
        for row in pixel_rows(batch):
            try:
                worked = row if row["reject"] or row["fault"] else {**row, **self.work(row)}
            # A raised error would fail the block, and its videos would be reported as unreadable.
            except Exception:
                worked = {**row, "fault": traceback.format_exc()}
            yield self.table(worked)

    @abstractmethod
    def work(self, row: Row) -> dict[str, Any]:
        """Compute the columns that this stage adds to a row."""

    @abstractmethod
    def table(self, row: Row) -> pa.Table:
        """Make the table of one row that the next stage takes."""


class SelectStage(Stage):
    """Stage of LightNet and the selector."""

    def work(self, row: Row) -> dict[str, Any]:
        """Select among the candidates."""
        watch = Stopwatch()
        with watch.on("light"):
            # Copied: the row is a read-only view of the shared object store, and torch needs writable memory.
            chosen = self.predictor.choose(row["frames"].copy(), budget=self.request.budget)
        return {
            "alpha": chosen.alpha_T.tobytes(),
            "gate": chosen.gate_T.tobytes(),
            "light_ms": watch.spent["light"],
            "snippets": row["snippets"][chosen.kept] if len(row["snippets"]) else NO_PIXELS,
        }

    def table(self, row: Row) -> pa.Table:
        """Make the row's table without the middle frames, which no later stage needs."""
        return pixel_table({**row, "frames": NO_PIXELS}, BETWEEN)


class ClassifyStage(Stage):
    """Stage of HeavyNet and the classifier."""

    def work(self, row: Row) -> dict[str, Any]:
        """Classify the video from its kept snippets."""
        watch = Stopwatch()
        alpha_T, gate_T = (np.frombuffer(row[name], np.float32) for name in ("alpha", "gate"))
        chosen = Chosen(alpha_T=alpha_T, gate_T=gate_T, light_has_run=self.predictor.config.has_selector)
        with watch.on("heavy"):
            scores_L = self.predictor.scores(row["snippets"].copy(), chosen)
        spent = {"decoding": row["decoding_ms"], "light": row["light_ms"], "heavy": watch.spent["heavy"]}
        seconds_T = np.frombuffer(row["seconds"], np.float64)
        prediction = self.predictor.make_prediction(row["path"], seconds_T, chosen, scores_L, spent)
        return {
            "prediction": _prediction_row(row, prediction, self.request),
            "stream": row_index(row["index"]).chosen_stream,
        }

    def table(self, row: Row) -> pa.Table:
        """Make the result of the video."""
        result = {name: row.get(name) for name in RESULT.names}
        return pa.Table.from_pylist([{**result, "path": without_secrets(row["path"])}], schema=RESULT)


def _prediction_row(row: Row, prediction: Prediction, request: PredictRequest) -> dict[str, Any]:
    """Make a row of PREDICTION_SCHEMA."""
    return {
        "video_id": row["video_id"],
        "path": without_secrets(row["path"]),
        **prediction.record(top=request.top, min_score=request.min_score),
        "kept": len(prediction.timesteps),
        **{f"{name}_ms": spent for name, spent in prediction.milliseconds.items()},
        "replaced_frames": row["replaced"],
    }
