"""Explanation of one video by a worker, since a video may end or stall the process that decodes it."""

import ray
import torch

from epitoma.core.gpu import Gpu
from epitoma.inference.explanation import Explanation, explain
from epitoma.inference.predictor import Predictor
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.gpus import requested_gpus
from epitoma.on_ray.cluster.placement import say_if_waited_for
from epitoma.on_ray.decode.one_video import read_on_worker


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
    shared = ray.put((model, config))
    return read_on_worker(path, _explain, shared, budget, gpus > 0, role="train", gpus=gpus)


def _explain(
    path: str, shared: tuple[VideoEpitoma, ModelConfig], budget: int | None, gpu: bool
) -> Explanation:
    predictor = Predictor(*shared, device=torch.device("cuda" if gpu else "cpu"))
    return explain(predictor, path, budget=budget)
