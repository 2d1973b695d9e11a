"""Questions to a sweep: what to choose for an accuracy that is needed, or for a cost that can be paid."""

from dataclasses import dataclass
from pathlib import Path

from epitoma.console import console, say
from epitoma.errors import RunError
from epitoma.front import Offer, best_within, cheapest_reaching
from epitoma.sweep_result import Choice, CostName, read_sweep
from epitoma.tables import front_table

UNITS: dict[CostName, str] = {"gmacs": "GMACs", "milliseconds": "ms"}


@dataclass(kw_only=True)
class FrontConfig:
    """The front of a sweep, and what of it to choose; scores are those to be expected of new videos.

    Attributes:
        sweep: Folder of the sweep.
        cost: What is to be saved.
        min_score: Say the cheapest choice of at least this accuracy (or mAP).
        max_cost: Say the best choice of at most this cost.
    """

    sweep: Path
    cost: CostName = "gmacs"
    min_score: float | None = None
    max_cost: float | None = None

    def report(self) -> None:
        """Print the front and the answers."""
        result = read_sweep(self.sweep)
        front, uniform = result.front(cost=self.cost), result.uniform_front(cost=self.cost)
        console.print(front_table([offer.of.row() for offer in front], title=f"front of {self.sweep}"))
        console.print(front_table([offer.of.row() for offer in uniform], title="uniform sampling"))
        if self.min_score is not None:
            wanted = f"at least {self.min_score:g}"
            self._answer(wanted, cheapest_reaching(front, score=self.min_score))
            self._answer(f"{wanted}, uniform", cheapest_reaching(uniform, score=self.min_score))
        if self.max_cost is not None:
            wanted = f"at most {self.max_cost:g} {UNITS[self.cost]}"
            self._answer(wanted, best_within(front, cost=self.max_cost))
            self._answer(f"{wanted}, uniform", best_within(uniform, cost=self.max_cost))

    def _answer(self, wanted: str, offer: Offer[Choice] | None) -> None:
        if offer is None:
            raise RunError(f"nothing in {self.sweep} gives {wanted}")
        point = offer.of.validation
        budget = "what its gate keeps" if point.sampling == "gate" else f"budget {point.budget}"
        say(
            f"{wanted}: trial {offer.of.trial}, {budget} of {point.candidates} timesteps: "
            f"{offer.score:.3f} expected for {offer.cost:.4g} {UNITS[self.cost]}"
        )
