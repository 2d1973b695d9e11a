"""Evaluation: measure a model on a split with every sampling at every budget, from features.

The heavy feature of a timestep does not depend on the other timesteps. One pass of both networks over all timesteps of
a split therefore serves every sampling; the reported GMACs are those of running HeavyNet on the chosen timesteps only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from epitoma.core.budgets import budgets
from epitoma.core.sampling import stable_seed, uniform_subset
from epitoma.core.selection import FeatureCandidates, Recognition
from epitoma.cost.gmacs import CostModel
from epitoma.cost.milliseconds import TimeModel
from epitoma.datasets.manifest import Manifest
from epitoma.evaluation.choices import Choices
from epitoma.evaluation.tradeoff import ClassifierName, SamplingName, TradeoffPoint
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.feature_batches import FeatureSplit
from epitoma.training.feature_store import Stored
from epitoma.training.metrics import score, selection_precision

CHUNK = 64
"""Videos of one forward pass."""

Choose = Callable[[VideoEpitoma, FeatureCandidates, int], Recognition]
"""Function from a model, the candidates of a chunk and the number of its first video to the model's result."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A split and the settings with which models are measured on it.

    Attributes:
        split: Features at the model's T candidates, and labels.
        evidence_VT: Whether each candidate's middle frame shows evidence; None where intervals are unknown.
        cost: Cost of the model at T candidates.
        multi_label: Whether the score is mAP instead of accuracy.
        seed: Seed of random sampling.
        random_draws: Number of random samplings that are averaged.
        times: Measured times of networks and decoding; None leaves milliseconds out.
    """

    split: FeatureSplit
    evidence_VT: Tensor | None
    cost: CostModel
    multi_label: bool
    seed: int = 0
    random_draws: int = 5
    times: TimeModel | None = None

    @property
    def timesteps(self) -> int:
        """Number of candidates, T."""
        return self.split.light_VTC.shape[1]

    def among(self, candidates: int) -> "Evaluation":
        """The same evaluation with fewer candidates, uniform among the present ones."""
        places = torch.from_numpy(uniform_subset(self.timesteps, candidates))
        evidence_VT = None if self.evidence_VT is None else self.evidence_VT[:, places]
        cost = self.cost.among(candidates)
        return replace(self, split=self.split.at(places), evidence_VT=evidence_VT, cost=cost)

    def selector_points(self, model: VideoEpitoma) -> list[TradeoffPoint]:
        """Measure the selector's choice at every budget, and at the T' that the gates choose themselves."""
        return self.budget_points(model, [*budgets(self.timesteps), None])

    def budget_points(self, model: VideoEpitoma, wanted: Sequence[int | None]) -> list[TradeoffPoint]:
        """Measure the selector's choice at the given budgets; None lets the gates choose T' themselves."""
        alpha_VT = self._scores(model)
        return [
            self._point(
                model, "gate" if budget is None else "selector", kept(alpha_VT, budget=budget), budget=budget
            )
            for budget in wanted
        ]

    def choices(self, model: VideoEpitoma, classes: Sequence[str]) -> Choices:
        """The selector's choice in each video.

        Args:
            model: The model whose selector chooses.
            classes: Names of the classes.
        """
        alpha_VT = self._scores(model)
        valid_VT = torch.ones_like(alpha_VT, dtype=torch.bool)
        return Choices(
            video_ids=self.split.video_ids,
            labels=[
                [classes[int(at)] for at in row.nonzero().flatten().tolist()] for row in self.split.labels_VL
            ],
            alpha_VT=alpha_VT,
            open_VT=model.gating(alpha_VT, valid_VT).open_BT,
        )

    def reference_points(
        self, model: VideoEpitoma, classifier: ClassifierName, *, also: int
    ) -> list[TradeoffPoint]:
        """Measure uniform and random sampling at every budget, and dense sampling, without the selector.

        Args:
            model: The model whose classifier is used.
            classifier: Name of the classifier in the points.
            also: A further budget to measure.
        """
        wanted = sorted({*budgets(self.timesteps), also})
        uniform = [self._uniform(model, k, classifier) for k in wanted]
        random = [self.random_point(model, k, classifier) for k in wanted]
        dense = replace(uniform[-1], sampling="dense")
        return [*uniform, *random, dense]

    def uniform_points(self, model: VideoEpitoma, classifier: ClassifierName) -> list[TradeoffPoint]:
        """Measure uniform sampling at every budget."""
        return [self._uniform(model, k, classifier) for k in budgets(self.timesteps)]

    def _uniform(self, model: VideoEpitoma, budget: int, classifier: ClassifierName) -> TradeoffPoint:
        open_T = torch.from_numpy(np.isin(np.arange(self.timesteps), uniform_subset(self.timesteps, budget)))
        choose = given(lambda first, count: open_T.expand(count, -1))
        return self._point(model, "uniform", choose, budget=budget, classifier=classifier)

    def random_point(self, model: VideoEpitoma, budget: int, classifier: ClassifierName) -> TradeoffPoint:
        """Measure random sampling, as the mean over several draws."""
        draws = [
            self._point(
                model, "random", given(self._random_open(budget, draw)), budget=budget, classifier=classifier
            )
            for draw in range(self.random_draws)
        ]
        precisions = [draw.selection_precision for draw in draws if draw.selection_precision is not None]
        return replace(
            draws[0],
            score=float(np.mean([draw.score for draw in draws])),
            selection_precision=float(np.mean(precisions)) if precisions else None,
        )

    def _random_open(self, budget: int, draw: int) -> Callable[[int, int], Tensor]:
        def open_BT(first: int, count: int) -> Tensor:
            rows = []
            for video_id in self.split.video_ids[first : first + count]:
                # Seeded by the video's id: its draw does not depend on the other videos of the split.
                rng = np.random.default_rng(stable_seed(self.seed, "random", draw, video_id))
                rows.append(np.isin(np.arange(self.timesteps), rng.permutation(self.timesteps)[:budget]))
            return torch.from_numpy(np.stack(rows))

        return open_BT

    def _point(
        self,
        model: VideoEpitoma,
        sampling: SamplingName,
        choose: Choose,
        *,
        budget: int | None = None,
        classifier: ClassifierName = "own",
    ) -> TradeoffPoint:
        logits_VL, open_VT = self._recognise(model, choose)
        kept_V = open_VT.sum(dim=1)
        kept = float(kept_V.double().mean())
        looked = sampling in ("gate", "selector")
        light, heavy, head = self._mean_cost(kept_V, selected=looked)
        precision = None if self.evidence_VT is None else selection_precision(open_VT, self.evidence_VT)
        return TradeoffPoint(
            sampling=sampling,
            classifier=classifier,
            candidates=self.timesteps,
            budget=budget if budget is not None else round(kept),
            timesteps=kept,
            score=score(logits_VL, self.split.labels_VL, multi_label=self.multi_label),
            gmacs_light=light,
            gmacs_heavy=heavy,
            gmacs_classifier=head,
            selection_precision=precision,
            milliseconds=self.times and self.times.at(self.timesteps, kept=kept, selected=looked),
        )

    @torch.inference_mode()
    def _scores(self, model: VideoEpitoma) -> Tensor:
        """Score of every candidate, ``(V, T)``, computed once for all budgets."""
        return torch.cat([model.select(c.light_BTC, c.valid_BT)[0].alpha_BT for _, c in self._chunks()])

    @torch.inference_mode()
    def _recognise(self, model: VideoEpitoma, choose: Choose) -> tuple[Tensor, Tensor]:
        seen = [choose(model, candidates, first) for first, candidates in self._chunks()]
        logits_VL = torch.cat([recognition.logits_BL for recognition in seen])
        return logits_VL, torch.cat([recognition.selection.open_BT for recognition in seen])

    def _chunks(self) -> Iterator[tuple[int, FeatureCandidates]]:
        for number, candidates in enumerate(self.split.candidates.split(CHUNK)):
            yield number * CHUNK, candidates

    def _mean_cost(self, kept_V: Tensor, *, selected: bool) -> tuple[float, float, float]:
        # The cost depends on the number of kept timesteps only, so it is counted once for each number.
        videos = Counter(kept_V.tolist())
        costs = [(self.cost.at(kept, selected=selected), count) for kept, count in videos.items()]
        total = len(kept_V)
        return (
            sum(cost.light * count for cost, count in costs) / total,
            sum(cost.heavy * count for cost, count in costs) / total,
            sum(cost.classifier * count for cost, count in costs) / total,
        )


def kept(alpha_VT: Tensor, *, budget: int | None) -> Choose:
    """Choice of the model's selector, from scores computed before for all videos."""

    def choose(model: VideoEpitoma, candidates: FeatureCandidates, first: int) -> Recognition:
        rows = slice(first, first + len(candidates.valid_BT))
        selection = model.gating(alpha_VT[rows], candidates.valid_BT, budget=budget)
        return model.recognise(candidates, selection)

    return choose


def given(open_BT: Callable[[int, int], Tensor]) -> Choose:
    """Choice made without the selector, by a function from (first video, number of videos) to a mask ``(B, T)``."""
    return lambda model, candidates, first: model(
        candidates, open_BT=open_BT(first, candidates.valid_BT.shape[0])
    )


def evidence_of(split: Manifest, stored: Stored, frames_per_timestep: int) -> Tensor | None:
    """Whether the middle frame of each stored timestep lies in an annotated interval, bool ``(V, T)``.

    Args:
        split: Manifest of the split.
        stored: Its stored features.
        frames_per_timestep: Successive frames of a timestep, ``m``.

    Returns:
        The mask; None where the intervals of some video are unknown.
    """
    if not split.has_intervals:
        return None
    kept = split.only(stored.video_ids)
    middle_VT = stored.starts_VT + frames_per_timestep // 2
    seconds_VT = middle_VT / kept.table["fps"].to_numpy()[:, None]
    return torch.from_numpy(kept.evidence(seconds_VT))
