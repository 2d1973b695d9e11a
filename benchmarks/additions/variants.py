"""The paper's model, each addition to it on its own, and all of them together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from benchmarks.selectors.fitting import Plan
from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import Gating
from epitoma.models.paper import paper_head
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig
from epitoma.presets import paper_optimisation
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig

DROPOUT = 0.5
"""Of the additions that have any; few training clips are known by heart otherwise."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A model and its training.

    Attributes:
        head: Selector, gating and classifier.
        sparsity: How many timesteps are open in training.
        optimisation: How weights are moved; number and size of the steps are the benchmark's.
    """

    head: HeadConfig = field(default_factory=paper_head)
    sparsity: SparsityConfig
    optimisation: OptimisationConfig = field(default_factory=paper_optimisation)

    @property
    def plan(self) -> Plan:
        """What of the project's config it sets."""
        return Plan(head=self.head, sparsity=self.sparsity)


def paper(l0_weight: float = 0.1) -> Variant:
    """The paper's."""
    return Variant(
        sparsity=SparsityConfig(
            mode="l0_weight", l0_weight=l0_weight, warmup=0.0, anneal=0.0, open_every=None
        )
    )


def everything() -> Variant:
    """What a run has that asks for nothing else, but for the dropout of all variants."""
    head = HeadConfig(
        selector=TimestepSelector.Config(dropout=DROPOUT), classifier=VideoClassifier.Config(dropout=DROPOUT)
    )
    return Variant(head=head, sparsity=SparsityConfig(), optimisation=OptimisationConfig())


def selector(**changes: object) -> Variant:
    """The paper's with another selector."""
    base = paper()
    return replace(base, head=replace(base.head, selector=replace(base.head.selector, **changes)))


def gating(**changes: object) -> Variant:
    """The paper's with other gates."""
    base = paper()
    return replace(base, head=replace(base.head, gating=replace(base.head.gating, **changes)))


def classifier(**changes: object) -> Variant:
    """The paper's with another classifier."""
    base = paper()
    return replace(base, head=replace(base.head, classifier=replace(base.head.classifier, **changes)))


def embedded() -> Variant:
    """The paper's with features that are embedded first, in both parts."""
    base = paper()
    return replace(
        base,
        head=HeadConfig(
            selector=replace(base.head.selector, embed_channels=256, dropout=DROPOUT),
            gating=base.head.gating,
            classifier=replace(base.head.classifier, embed_channels=256, dropout=DROPOUT),
        ),
    )


def opened(**changes: object) -> Variant:
    """The paper's with another number of open timesteps in training."""
    base = paper()
    return replace(base, sparsity=replace(base.sparsity, **changes))


def moved(**changes: object) -> Variant:
    """The paper's with weights that are moved in another way."""
    base = paper()
    return replace(base, optimisation=replace(base.optimisation, **changes))


def without(name: str) -> Variant:
    """Everything but one addition."""
    whole, head = everything(), everything().head
    selectors = {
        "centring": {"centred": False},
        "layer_norm": {"normalise": False},
        "saliency": {"saliency": False},
        "score_bound": {"score_bound": None},
    }
    if name in selectors:
        return replace(whole, head=replace(head, selector=replace(head.selector, **selectors[name])))
    others = {
        "normalised_gates": {"head": replace(head, classifier=replace(head.classifier, gates="multiplied"))},
        "embedding": {
            "head": replace(
                head,
                selector=replace(head.selector, embed_channels=None),
                classifier=replace(head.classifier, embed_channels=None),
            )
        },
        "anytime": {"sparsity": replace(whole.sparsity, mode="l0_weight", l0_weight=0.1)},
        "all_open_steps": {"sparsity": replace(whole.sparsity, warmup=0.0, anneal=0.0, open_every=None)},
        "redundancy": {"head": replace(head, gating=Gating.Config(redundancy=0.0))},
        "weighing": {"head": replace(head, gating=Gating.Config(weigh_kept=False))},
        "frame_scores": {"head": replace(head, classifier=replace(head.classifier, frame_logits=False))},
        "muon": {"optimisation": replace(whole.optimisation, optimizer="adamw")},
        "averaging": {"optimisation": replace(whole.optimisation, average=0.0)},
        "cosine": {"optimisation": replace(whole.optimisation, schedule="constant")},
        "clipping": {"optimisation": replace(whole.optimisation, gradient_norm=None)},
        "weight_decay": {"optimisation": replace(whole.optimisation, weight_decay=0.0)},
    }
    return replace(whole, **others[name])


ALONE: Mapping[str, Variant] = {
    "normalised_gates": classifier(gates="normalised"),
    "embedding": embedded(),
    "centring": selector(centred=True),
    "layer_norm": selector(normalise=True),
    "saliency": selector(saliency=True),
    "anytime": opened(mode="anytime"),
    "target": opened(mode="target_timesteps"),
    "all_open_steps": opened(warmup=0.5, anneal=0.3, open_every=3),
    "redundancy": gating(redundancy=1.0),
    "score_bound": selector(score_bound=5.0),
    "weighing": gating(weigh_kept=True),
    "frame_scores": classifier(frame_logits=True),
    "muon": moved(optimizer="muon"),
    "averaging": moved(average=0.99),
    "cosine": moved(schedule="cosine"),
    "clipping": moved(gradient_norm=5.0),
    "weight_decay": moved(weight_decay=0.1),
}
"""Each addition on its own, on top of the paper's model."""

VARIANTS: Mapping[str, Variant] = {
    "paper": paper(),
    "paper_l0_0.03": paper(0.03),
    **ALONE,
    "all": everything(),
    **{f"all_but_{name}": without(name) for name in ALONE if name != "target"},
}
"""Everything that is measured."""
