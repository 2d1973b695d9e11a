"""What a choice costs: GMACs and milliseconds of both networks, counted and measured once a dataset."""

from dataclasses import dataclass
from functools import cached_property

from benchmarks.selectors.composed import TIMESTEPS
from benchmarks.selectors.measure import Row
from epitoma.cost.gmacs import networks_cost
from epitoma.cost.milliseconds import network_milliseconds
from epitoma.models.videoepitoma import Networks, NetworksConfig


@dataclass(frozen=True)
class Costs:
    """Costs of a dataset's networks; the heads of all ways are small beside them and left out.

    Attributes:
        config: The networks.
    """

    config: NetworksConfig

    def gmacs(self, row: Row) -> float:
        """Multiply-accumulates of one video / 1e9."""
        light, heavy = self._gmacs
        return row.kept * heavy + (TIMESTEPS * light if row.looks else 0.0)

    def milliseconds(self, row: Row) -> float:
        """Time of one core for one video, decoding left out."""
        light, heavy = self._milliseconds
        return row.kept * heavy + (TIMESTEPS * light if row.looks else 0.0)

    @cached_property
    def _gmacs(self) -> tuple[float, float]:
        each = networks_cost(self._networks)
        return each.light, each.heavy

    @cached_property
    def _milliseconds(self) -> tuple[float, float]:
        return network_milliseconds(self._networks)

    @cached_property
    def _networks(self) -> Networks:
        return Networks(self.config, pretrained=False).eval()
