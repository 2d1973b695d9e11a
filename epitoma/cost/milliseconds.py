"""What recognition takes of one core, in milliseconds a video: decoding, LightNet and HeavyNet, measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from epitoma.core.budgets import budgets
from epitoma.core.progress import Watch
from epitoma.cost.decoding import core_milliseconds, heavy_view, light_view, view_milliseconds
from epitoma.cost.gmacs import blank_frame, blank_snippet
from epitoma.models.videoepitoma import Networks
from epitoma.video.index import index_video

BATCH = 8


@dataclass(frozen=True, kw_only=True)
class TimeModel:
    """Milliseconds of one core, as a function of candidates and kept timesteps.

    Selector and classifier are left out: they take less than the noise of the rest. Middle frames and snippets are
    decoded one after the other here; where recognition decodes them at once, it takes less (``video/two_pass.py``).

    Attributes:
        light: LightNet on one candidate.
        heavy: HeavyNet on one kept timestep.
        light_decoding: Decoding of middle frames, by candidates.
        heavy_decoding: Decoding of snippets, by kept timesteps.
    """

    light: float
    heavy: float
    light_decoding: Mapping[int, float]
    heavy_decoding: Mapping[int, float]

    def at(self, candidates: int, *, kept: float, selected: bool) -> float:
        """One video; ``selected=False`` leaves looking for timesteps out. Between measured numbers it is linear."""
        looking = _between(self.light_decoding, candidates) + self.light * candidates if selected else 0.0
        return looking + _between(self.heavy_decoding, kept) + self.heavy * kept


def measure_times(networks: Networks, video: str | Path, *, candidates: int, watch: Watch) -> TimeModel:
    """Measure on this machine, on one video, for up to that many candidates.

    Raises:
        VideoError: The video cannot be read.
    """
    index, light, heavy = index_video(video), networks.light.input, networks.heavy.input
    networks = networks.cpu().eval()
    numbers, light_decoding, heavy_decoding = budgets(candidates), {}, {}
    for done, number in enumerate(numbers, start=1):
        looking = light_view(index, candidates=number, light=light, heavy=heavy)
        seeing = heavy_view(index, candidates=candidates, kept=number, heavy=heavy)
        light_decoding[number] = view_milliseconds(video, index, looking)
        heavy_decoding[number] = view_milliseconds(video, index, seeing)
        watch(done, len(numbers))
    each_light, each_heavy = network_milliseconds(networks)
    return TimeModel(
        light=each_light, heavy=each_heavy, light_decoding=light_decoding, heavy_decoding=heavy_decoding
    )


def network_milliseconds(networks: Networks) -> tuple[float, float]:
    """Time of one core for LightNet on one candidate, and for HeavyNet on one kept timestep."""
    frames, snippets = (
        blank(networks).expand(BATCH, -1, -1, -1, -1) for blank in (blank_frame, blank_snippet)
    )
    return _timestep_milliseconds(lambda: networks.light(frames)), _timestep_milliseconds(
        lambda: networks.heavy(snippets)
    )


def times_of(values: Mapping[str, Any]) -> TimeModel:
    """Times from JSON, which knows no whole numbers as keys."""
    decoding = {
        name: {int(number): value for number, value in values[name].items()}
        for name in ("light_decoding", "heavy_decoding")
    }
    return TimeModel(light=values["light"], heavy=values["heavy"], **decoding)


@torch.inference_mode()
def _timestep_milliseconds(run: Callable[[], object]) -> float:
    """CPU time of one of the ``BATCH`` timesteps that are run, the median of a few after a first one."""
    run()
    return core_milliseconds(run) / BATCH


def _between(measured: Mapping[int, float], number: float) -> float:
    known = sorted(measured)
    return float(np.interp(number, known, [measured[each] for each in known]))
