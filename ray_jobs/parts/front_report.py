"""Report of a sweep's front: the cheapest choice of a wanted accuracy, or the best choice within a cost."""

from dataclasses import dataclass

from epitoma.core.errors import RunError
from epitoma.files.local_paths import InputPath
from epitoma.reporting.console import console, say
from epitoma.reporting.tables import front_table
from epitoma.sweeps.pareto import Offer, best_within, cheapest_reaching
from epitoma.sweeps.result import Choice, CostName, Front, read_sweep

Offered = Offer[Choice] | None
UNITS: dict[CostName, str] = {"gmacs": "GMACs", "milliseconds": "ms"}


@dataclass(kw_only=True)
class FrontConfig:
    """The front of a sweep, and what to choose from it; scores are those expected on new videos.

    Attributes:
        sweep: Folder of the sweep.
        cost: Cost to compare by: GMACs, or milliseconds of one core, per video.
        min_score: Print the cheapest choice of at least this accuracy (or mAP).
        max_cost: Print the best choice of at most this cost, in the unit of ``cost``.
    """

    sweep: InputPath
    cost: CostName = "gmacs"
    min_score: float | None = None
    max_cost: float | None = None

    def report(self) -> None:
        """Print the fronts and the requested choices.

        Raises:
            RunError: No trial fulfils one of the requests.
        """
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
        """Print the offers for a request; returns whether the selector has one."""
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
