"""Explanation of one video by a worker, since a video may end or stall the process that decodes it."""

import ray
import torch

from epitoma.core.gpu import Gpu
from epitoma.inference.explanation import Explanation, explain
from epitoma.inference.predictor import Predictor
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.gpus import requested_gpus
from epitoma.on_ray.cluster.parallel import result_of
from epitoma.on_ray.cluster.placement import say_if_waited_for, task_for
from epitoma.on_ray.decode.attempts import Attempts


def explain_file(
    path: str, model: VideoEpitoma, config: ModelConfig, *, budget: int | None = None, gpu: Gpu = "auto"
) -> Explanation:
    """Explain the prediction of one video, on a node for networks; see :func:`epitoma.inference.explanation.explain`.

    Raises:
        VideoError: The video cannot be read, or has ended every process that read it.
        ConfigError: The model has no selector, or the budget is not a number of candidates.
        ClusterError: GPUs are asked for, but this machine has none and no cluster was joined.
    """
    gpus = min(1, requested_gpus(gpu))
    say_if_waited_for("train")
    task = task_for("train", _explain, max_retries=-1, gpus=gpus)
    return result_of(task.remote(path, ray.put((model, config)), budget, gpus > 0, Attempts.start()))


def _explain(
    path: str, shared: tuple[VideoEpitoma, ModelConfig], budget: int | None, gpu: bool, attempts: Attempts
) -> Explanation:
    def look() -> Explanation:
        predictor = Predictor(*shared, device=torch.device("cuda" if gpu else "cpu"))
        return explain(predictor, path, budget=budget)

    return attempts.read_or_raise("explain", path, path, look)
