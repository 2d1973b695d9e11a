"""TimeModel: measured CPU milliseconds a video of decoding, LightNet and HeavyNet."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from epitoma.core.budgets import budgets
from epitoma.cost.decoding import core_milliseconds, heavy_request, light_request, request_milliseconds
from epitoma.cost.gmacs import blank_frame, blank_snippet
from epitoma.models.videoepitoma import Networks
from epitoma.video.index import index_video

BATCH = 8
"""Timesteps of a forward pass whose time is measured."""


@dataclass(frozen=True, kw_only=True)
class TimeModel:
    """Milliseconds of one core as a function of candidates and kept timesteps.

    Selector and classifier are left out, since they take less than the noise of the rest. Middle frames and snippets
    are decoded one after the other here; inference that decodes them together takes less (``video/two_pass.py``).

    Attributes:
        light: LightNet on one candidate.
        heavy: HeavyNet on one kept timestep.
        light_decoding: Decoding of the middle frames, by number of candidates.
        heavy_decoding: Decoding of the snippets, by number of kept timesteps.
    """

    light: float
    heavy: float
    light_decoding: Mapping[int, float]
    heavy_decoding: Mapping[int, float]

    def at(self, candidates: int, *, kept: float, selected: bool) -> float:
        """Milliseconds of one video, interpolated linearly; ``selected=False`` leaves out the selection."""
        looking = _between(self.light_decoding, candidates) + self.light * candidates if selected else 0.0
        return looking + _between(self.heavy_decoding, kept) + self.heavy * kept


def measure_times(networks: Networks, video: str | Path, *, candidates: int) -> TimeModel:
    """Measure times on this machine and one video, for powers of two up to this number of candidates.

    Raises:
        VideoError: The video cannot be read.
    """
    index, light, heavy = index_video(video), networks.light.input, networks.heavy.input
    numbers, light_decoding, heavy_decoding = budgets(candidates), {}, {}
    for number in numbers:
        looking = light_request(index, candidates=number, light=light, heavy=heavy)
        seeing = heavy_request(index, candidates=candidates, kept=number, heavy=heavy)
        light_decoding[number] = request_milliseconds(video, index, looking)
        heavy_decoding[number] = request_milliseconds(video, index, seeing)
    each_light, each_heavy = network_milliseconds(networks)
    return TimeModel(
        light=each_light, heavy=each_heavy, light_decoding=light_decoding, heavy_decoding=heavy_decoding
    )


def network_milliseconds(networks: Networks) -> tuple[float, float]:
    """CPU milliseconds of LightNet on one candidate, and of HeavyNet on one kept timestep, both folded."""
    networks = copy.deepcopy(networks).cpu().eval()
    networks.fold()
    frames, snippets = (
        blank(networks).expand(BATCH, -1, -1, -1, -1) for blank in (blank_frame, blank_snippet)
    )
    return _timestep_milliseconds(lambda: networks.light(frames)), _timestep_milliseconds(
        lambda: networks.heavy(snippets)
    )


def time_model_from(values: Mapping[str, Any]) -> TimeModel:
    """Build a time model from JSON values, whose keys are strings instead of integers."""
    decoding = {
        name: {int(number): value for number, value in values[name].items()}
        for name in ("light_decoding", "heavy_decoding")
    }
    return TimeModel(light=values["light"], heavy=values["heavy"], **decoding)


@torch.inference_mode()
def _timestep_milliseconds(run: Callable[[], object]) -> float:
    """CPU milliseconds a timestep of a function that runs ``BATCH`` of them, after one run as a warm-up."""
    run()
    return core_milliseconds(run) / BATCH


def _between(measured: Mapping[int, float], number: float) -> float:
    known = sorted(measured)
    return float(np.interp(number, known, [measured[each] for each in known]))
