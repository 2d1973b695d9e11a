"""Every way to choose timesteps, with the settings among which validation chooses: as many for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from benchmarks.selectors.adafocus import LightPolicy, by_quantiles
from benchmarks.selectors.attention import AttentionScores, SoftmaxWeighted
from benchmarks.selectors.early_exit import CoarseToFine, early_exit
from benchmarks.selectors.evidence import EvidenceClassifier, EvidenceSelector
from benchmarks.selectors.fitting import Fitted, Open, Plan, by_threshold, fit
from benchmarks.selectors.ocsampler import PickingClassifier
from benchmarks.selectors.oracle import EvidenceOnly, Oracle, told
from benchmarks.selectors.plain import PlainClassifier
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.saliency import SaliencyRanking
from benchmarks.selectors.sosampler import FrameClassifier
from benchmarks.selectors.stts import PERTURBED
from benchmarks.selectors.videos import Splits, Videos
from epitoma.core.sampling import uniform_subset
from epitoma.core.selection import FeatureCandidates
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.gating import Gating, top_k
from epitoma.models.paper import paper_head
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig
from epitoma.training.sparsity import SparsityConfig

SIZES = (1, 2, 4, 8, 16, 32, 64)
OURS = "evidence"
"""The way that is ours."""

ALL = 1_000_000
"""More timesteps than any video has."""


class Answering(Protocol):
    """A trained way."""

    @property
    def looks(self) -> bool:
        """Whether LightNet looks at every candidate."""
        ...

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores of videos where ``kept`` timesteps are kept, and how many really were on average."""
        ...


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to choose.

    Attributes:
        name: As it is reported.
        fit: Trains it with one of the settings.
        settings: What validation chooses among.
        also: The same trained way asked in other ways, by name; made from it and validation videos.
    """

    name: str
    fit: Callable[..., Answering]
    settings: Sequence[Mapping[str, Any]]
    also: Mapping[str, Callable[..., Answering]] = field(default_factory=dict)


def budgets(*sizes: int) -> SparsityConfig:
    """So many timesteps open in each step, from the first on."""
    return SparsityConfig(mode="anytime", budgets=sizes)


def given(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, selection: Any) -> Fitted:
    """A classifier that is trained on random subsets of every size, or on whole videos, and asked on uniform ones."""
    head = HeadConfig(classifier=PlainClassifier.Config(dropout=dropout))
    plan = Plan(head=head, sparsity=SparsityConfig(), selection=selection)
    return Fitted(model=fit(splits, recipe, plan, seed=seed), looks=False, choose=uniform)


def on(choose: Open) -> Callable[[Fitted, Videos], Fitted]:
    """The same classifier, asked on timesteps that something else chooses."""
    return lambda fitted, validation: replace(fitted, choose=choose)


def uniform(candidates: FeatureCandidates, kept: int) -> Tensor:
    """Evenly spread."""
    timesteps = candidates.valid_BT.shape[1]
    even_T = torch.from_numpy(np.isin(np.arange(timesteps), uniform_subset(timesteps, kept)))
    return even_T.expand(candidates.valid_BT.shape)


def random(candidates: FeatureCandidates, kept: int) -> Tensor:
    """At random, the same for the same number."""
    generator = torch.Generator().manual_seed(kept)
    return top_k(torch.rand(candidates.valid_BT.shape, generator=generator), candidates.valid_BT, kept)


def dense(candidates: FeatureCandidates, kept: int) -> Tensor:
    """All."""
    return candidates.valid_BT


@dataclass(frozen=True)
class ToldOracle:
    """A classifier that is trained and asked on true evidence."""

    fitted: Fitted
    looks: bool = False

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores from up to ``kept`` timesteps of evidence, spread at random over it."""
        asked = told(Splits(training=videos, validation=videos, test=videos)).test
        logits_VL, _ = self.fitted.seen(asked, kept)
        return logits_VL, float(asked.evidence_VT.sum(dim=1).clamp_max(kept).float().mean())


def oracle(
    splits: Splits, recipe: Recipe, *, seed: int, dropout: float, sizes: tuple[int, ...]
) -> ToldOracle:
    """What a perfect choice would give."""
    head = HeadConfig(selector=Oracle.Config(), classifier=EvidenceOnly.Config(dropout=dropout))
    plan = Plan(head=head, sparsity=budgets(*sizes))
    return ToldOracle(Fitted(model=fit(told(splits), recipe, plan, seed=seed), choose=evidence))


def evidence(candidates: FeatureCandidates, kept: int) -> Tensor:
    """Some of the evidence, which stands in place of light features."""
    shown_BT = candidates.light_BTC[..., 0] > 0
    chance_BT = torch.rand(shown_BT.shape, generator=torch.Generator().manual_seed(kept))
    return top_k(chance_BT, shown_BT, kept)


def learnt(
    splits: Splits, recipe: Recipe, *, seed: int, plan: Callable[..., Plan], **settings: Any
) -> Fitted:
    """A way that is nothing but its parts."""
    return Fitted(model=fit(splits, recipe, plan(**settings), seed=seed))


def saliency(*, dropout: float, pooled: int) -> Plan:
    """Ranking by a frame classifier's confidence."""
    selector = SaliencyRanking.Config(dropout=dropout, pooled=pooled)
    return Plan(head=_peer(selector, dropout), sparsity=budgets(*SIZES))


def ocsampler(*, dropout: float, picked: int) -> Plan:
    """A one-step policy, rewarded for being surer than uniform timesteps."""
    head = HeadConfig(
        selector=AttentionScores.Config(dropout=dropout),
        classifier=PickingClassifier.Config(dropout=dropout, picked=picked),
    )
    return Plan(head=head, sparsity=budgets(ALL), loss="ocsampler")


def sosampler(*, dropout: float, sharpness: float) -> Plan:
    """Ranking by a heavy frame classifier's confidence."""
    head = HeadConfig(
        selector=AttentionScores.Config(dropout=dropout, sharpness=sharpness),
        classifier=FrameClassifier.Config(dropout=dropout),
    )
    return Plan(head=head, sparsity=budgets(ALL), loss="ranking")


def stts(*, dropout: float, sharpness: float) -> Plan:
    """The perturbed maximum."""
    head = HeadConfig(
        selector=AttentionScores.Config(dropout=dropout, sharpness=sharpness),
        gating=Gating.Config(gate=PERTURBED),
        classifier=EpitomaClassifier.Config(dropout=dropout),
    )
    return Plan(head=head, sparsity=SparsityConfig(mode="none"))


def adafocus(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, picked: int) -> Fitted:
    """A policy that draws on light scores teach; the classifier learns on what it keeps."""
    head = _peer(LightPolicy.Config(dropout=dropout, picked=picked), dropout)
    plan = Plan(head=head, sparsity=budgets(*SIZES), loss="adafocus")
    model = fit(splits, recipe, plan, seed=seed)
    return Fitted(model=model, choose=by_quantiles(model))


def attention(*, dropout: float, sharpness: float) -> Plan:
    """Soft attention on all timesteps."""
    selector = AttentionScores.Config(dropout=dropout, sharpness=sharpness)
    head = HeadConfig(selector=selector, classifier=SoftmaxWeighted.Config(dropout=dropout))
    return Plan(head=head, sparsity=budgets(ALL))


def early(splits: Splits, recipe: Recipe, *, seed: int, dropout: float) -> Answering:
    """Early exit."""
    plan = Plan(head=_peer(CoarseToFine.Config(), dropout), sparsity=budgets(*SIZES))
    return early_exit(Fitted(model=fit(splits, recipe, plan, seed=seed)), splits.validation)


def paper(*, dropout: float, l0_weight: float) -> Plan:
    """The paper's model, with a fixed weight of L0 and with the features of networks that are not trained."""
    head = paper_head()
    head = replace(head, classifier=replace(head.classifier, dropout=dropout))
    return Plan(head=head, sparsity=SparsityConfig(mode="l0_weight", l0_weight=l0_weight))


def by_evidence(*, dropout: float, share: float) -> Plan:
    """Evidence of each class at each timestep; present or absent, as if a video could have several."""
    head = HeadConfig(
        selector=EvidenceSelector.Config(dropout=dropout, share=share),
        classifier=EvidenceClassifier.Config(dropout=dropout, share=share),
    )
    return Plan(head=head, sparsity=budgets(ALL))


def ours(*, dropout: float, kernels: int) -> Plan:
    """What a run has that asks for nothing else."""
    head = HeadConfig(
        selector=EpitomaSelector.Config(dropout=dropout, kernels=kernels),
        classifier=EpitomaClassifier.Config(dropout=dropout),
    )
    return Plan(head=head, sparsity=SparsityConfig())


def _peer(selector: Any, dropout: float) -> HeadConfig:
    return HeadConfig(selector=selector, classifier=PlainClassifier.Config(dropout=dropout))


def _two(**settings: tuple[Any, Any]) -> tuple[Mapping[str, Any], ...]:
    """Two settings that differ in what is a way's own; dropout is the same for all ways."""
    ((name, values),) = settings.items()
    return tuple({"dropout": 0.5, name: value} for value in values)


def _learnt(name: str, plan: Callable[..., Plan], settings: Any, **more: Any) -> Way:
    return Way(name=name, fit=partial(learnt, plan=plan), settings=settings, **more)


WAYS = (
    Way(
        name="uniform",
        fit=given,
        settings=_two(selection=("random", "dense")),
        also={each.__name__: on(each) for each in (random, dense)},
    ),
    Way(name="oracle", fit=oracle, settings=_two(sizes=(SIZES, (8, 16)))),
    _learnt("saliency", saliency, _two(pooled=(4, 8))),
    _learnt("ocsampler", ocsampler, _two(picked=(4, 8))),
    _learnt("sosampler", sosampler, _two(sharpness=(1.0, 3.0))),
    Way(name="adafocus", fit=adafocus, settings=_two(picked=(4, 8))),
    _learnt("stts", stts, _two(sharpness=(1.0, 3.0))),
    Way(name="early_exit", fit=early, settings=({"dropout": 0.5}, {"dropout": 0.3})),
    _learnt("attention", attention, _two(sharpness=(1.0, 3.0))),
    _learnt("paper", paper, _two(l0_weight=(0.03, 0.1))),
    _learnt("evidence", by_evidence, _two(share=(0.1, 0.3))),
    _learnt("ours", ours, _two(kernels=(64, 128)), also={"ours_gate": by_threshold}),
)
