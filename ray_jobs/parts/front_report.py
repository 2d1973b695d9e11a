"""Questions to a sweep: what to choose for an accuracy that is needed, or for a cost that can be paid."""

from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import RunError
from epitoma.reporting.console import console, say
from epitoma.reporting.tables import front_table
from epitoma.sweeps.pareto import Offer, best_within, cheapest_reaching
from epitoma.sweeps.result import Choice, CostName, Front, read_sweep

Offered = Offer[Choice] | None
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
        answered = [
            self._answer(wanted, ours, uniform_offer)
            for wanted, ours, uniform_offer in self._questions(front, uniform)
        ]
        if not all(answered):
            raise RunError(f"not everything that was asked for is to be had from {self.sweep}")

    def _questions(self, front: Front, uniform: Front) -> list[tuple[str, Offered, Offered]]:
        questions = []
        if self.min_score is not None:
            offers = [cheapest_reaching(each, score=self.min_score) for each in (front, uniform)]
            questions.append((f"at least {self.min_score:g}", *offers))
        if self.max_cost is not None:
            offers = [best_within(each, cost=self.max_cost) for each in (front, uniform)]
            questions.append((f"at most {self.max_cost:g} {UNITS[self.cost]}", *offers))
        return questions

    def _answer(self, wanted: str, ours: Offered, uniform: Offered) -> bool:
        """Say what there is, and return whether there is anything."""
        for name, offer in (("", ours), (", uniform sampling", uniform)):
            say(f"{wanted}{name}: {self._said(offer)}")
        return ours is not None

    def _said(self, offer: Offered) -> str:
        if offer is None:
            return "nothing"
        point = offer.of.validation
        budgets = {"gate": "what its gate keeps", "uniform": f"{point.budget} at equal distances"}
        budget = budgets.get(point.sampling, f"budget {point.budget}")
        return (
            f"trial {offer.of.trial}, {budget} of {point.candidates} timesteps, "
            f"{offer.score:.3f} expected for {offer.cost:.4g} {UNITS[self.cost]}"
        )
