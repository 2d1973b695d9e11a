"""Prediction of many videos: a Ray Data pipeline of four streaming stages.

CPU workers decode the middle frames of all candidates, actors run LightNet and the selector, CPU workers decode the
kept snippets (unless the first pass has decoded them, see ``video/two_pass.py``), and actors run HeavyNet and the
classifier. Only a few videos are between stages at any time, so memory does not grow with the number of videos. For
files that kill the process that reads them see ``decode/attempts.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.data import ActorPoolStrategy, Dataset

from epitoma.datasets.rejects import Reject
from epitoma.datasets.unlabelled import Unlabelled
from epitoma.inference.predictor import two_pass_of
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.placement import cpus_for, label_selector
from epitoma.on_ray.cluster.runtime import decode_cpus, silence_ray
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoder_tasks import map_on_decoders, unordered_batches
from epitoma.on_ray.decode.decoding import WINDOW_ROWS
from epitoma.on_ray.decode.indexing import IndexFile
from epitoma.on_ray.decode.sparse_decoding import TASK, first_pass_task, second_pass_task
from epitoma.on_ray.predict.stages import ClassifyStage, PredictRequest, SelectStage, Stage
from epitoma.video.index import index_video

FIRST_PASSES_PER_TASK = 8
SECOND_PASSES_PER_TASK = 4
"""Videos of a decoding task: enough that starting tasks costs little compared with decoding."""

TASKS_PER_CPU = 4
"""Fewest tasks per core, where videos are few: with larger tasks most cores would idle while the last one ends."""

BLOCK_BYTES = 4 * 2**20
"""Target size of a block, the work that one actor gets at a time; a single video may be larger."""

STAGE_CPUS = 0.25
"""Cores that an actor reserves: with one actor of each kind per core, half of the cores remain for decoding."""

GPU_OF_SELECTING, GPU_OF_CLASSIFYING = 0.25, 0.5
"""Shares of a GPU that actors reserve: however Ray places the actors of one kind, one of the other per GPU fits."""


@dataclass(frozen=True, kw_only=True)
class PredictResults:
    """Some results of a prediction job.

    Attributes:
        rows: Predictions, rows of ``epitoma.inference.predictions.PREDICTION_SCHEMA``.
        rejects: Videos that cannot be read.
        streams: Stream that was chosen of each file with several videos, by video id.
    """

    rows: list[dict[str, Any]]
    rejects: list[Reject]
    streams: dict[str, int] = field(default_factory=dict)


def predict_files(
    listed: Unlabelled,
    model: VideoEpitoma,
    config: ModelConfig,
    request: PredictRequest,
    *,
    gpus: int,
    index_file: IndexFile = index_video,
) -> Iterator[PredictResults]:
    """Predict videos on the cluster; yields results as they come in, in any order, one for every video.

    Args:
        listed: The videos.
        model: The model with its networks, their speed options set.
        config: Config of the model.
        request: The same request for every video.
        gpus: Number of GPUs to compute on; 0 computes on CPUs.
        index_file: Indexes a video that has no stored index.
    """
    silence_ray()
    both = {"two_pass": two_pass_of(model, config), "attempts": Attempts.start()}
    first_pass = partial(first_pass_task, budget=request.budget, index_file=index_file, **both)
    second_pass = partial(second_pass_task, **both)
    cpus = decode_cpus()
    computed = partial(_computed, shared=ray.put((model, config)), request=request, gpus=gpus)

    def run(tasks: list[pa.Table]) -> Iterator[pa.Table]:
        rows = map_on_decoders(ray.data.from_arrow(tasks), first_pass, batch_size=None, num_cpus=cpus)
        rows = computed(rows, SelectStage, gpu_share=GPU_OF_SELECTING)
        rows = map_on_decoders(rows, second_pass, batch_size=SECOND_PASSES_PER_TASK, num_cpus=cpus)
        rows = computed(rows, ClassifyStage, gpu_share=GPU_OF_CLASSIFYING)
        rows.context.target_max_block_size = BLOCK_BYTES
        rows.context.memory_usage_poll_interval_s = None
        # Never stop idle actors: a new one takes seconds to start.
        rows.context.autoscaling_config.actor_pool_util_downscaling_threshold = -1.0
        return unordered_batches(rows)

    for window in _windows(listed):
        each = _videos_per_task(len(window))
        for results in run([window.slice(start, each) for start in range(0, len(window), each)]):
            yield _results(results)


def _windows(listed: Unlabelled) -> Iterator[pa.Table]:
    """Rows of TASK, a window of videos at a time: a million of them must not be planned at once."""
    for first in range(0, len(listed.videos), WINDOW_ROWS):
        window = listed.videos[first : first + WINDOW_ROWS]
        indices = listed.indices.only(pa.chunked_array([[video.video_id for video in window]]))
        rows = [{"video_id": v.video_id, "path": v.path, "index": indices.row(v.video_id)} for v in window]
        yield pa.Table.from_pylist(rows, schema=TASK)


def _videos_per_task(videos: int) -> int:
    tasks = TASKS_PER_CPU * max(1, int(cpus_for("decode")))
    return max(1, min(FIRST_PASSES_PER_TASK, videos // tasks))


def _results(results: pa.Table) -> PredictResults:
    rows, rejects, streams = [], [], {}
    for result in results.to_pylist():
        if result["fault"]:
            raise RuntimeError(f"{result['video_id']}: {result['fault']}")
        if result["reject"]:
            rejects.append(Reject(result["video_id"], result["path"], result["reject"]))
        else:
            rows.append(result["prediction"])
        if result["stream"] is not None:
            streams[result["video_id"]] = result["stream"]
    return PredictResults(rows=rows, rejects=rejects, streams=streams)


def _computed(
    rows: Dataset,
    stage: type[Stage],
    *,
    shared: ray.ObjectRef,
    request: PredictRequest,
    gpus: int,
    gpu_share: float,
) -> Dataset:
    actors = gpus or max(1, int(cpus_for("train")))
    return rows.map_batches(
        stage,
        fn_constructor_args=(shared, request),
        fn_constructor_kwargs={"gpu": gpus > 0},
        batch_size=1,
        batch_format="pyarrow",
        zero_copy_batch=True,
        # From one up: each takes seconds to start, a light network may need few, and a cluster may have to grow first.
        compute=ActorPoolStrategy(min_size=1, max_size=actors),
        num_cpus=STAGE_CPUS,
        num_gpus=gpu_share if gpus else 0,
        label_selector=label_selector("train"),
    )
