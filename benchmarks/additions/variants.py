"""The paper's model, each addition to it on its own, all of them together, and all but one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from benchmarks.additions.parts import AblatedClassifier, AblatedSelector
from benchmarks.selectors.fitting import Plan
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.paper import paper_head
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig
from epitoma.presets import PAPER_L0_WEIGHT, paper_optimisation
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig

DROPOUT = 0.5
"""Of what has any; few training clips are known by heart otherwise."""

Addition = Literal["embedding", "saliency", "layer_norm", "normalised_gates", "anytime", "target", "clipping"]


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


def paper(l0_weight: float = PAPER_L0_WEIGHT) -> Variant:
    """The paper's."""
    return Variant(sparsity=SparsityConfig(mode="l0_weight", l0_weight=l0_weight))


def everything() -> Variant:
    """What a run has that asks for nothing else, but for its dropout."""
    head = HeadConfig(
        selector=EpitomaSelector.Config(dropout=DROPOUT), classifier=EpitomaClassifier.Config(dropout=DROPOUT)
    )
    return Variant(head=head, sparsity=SparsityConfig(), optimisation=OptimisationConfig())


def with_additions(*names: Addition, base: Variant) -> Variant:
    """A variant that has these additions and no others; kernels and learning rates are those of ``base``."""
    embedding = "embedding" in names
    head = HeadConfig(
        selector=AblatedSelector.Config(
            embedding=embedding,
            saliency="saliency" in names,
            layer_norm="layer_norm" in names,
            kernels=base.head.selector.kernels,
            dropout=DROPOUT,
        ),
        classifier=AblatedClassifier.Config(
            embedding=embedding, normalised="normalised_gates" in names, dropout=DROPOUT if embedding else 0.0
        ),
    )
    modes = {"anytime": "anytime", "target": "target_timesteps"}
    mode = next((modes[name] for name in names if name in modes), "l0_weight")
    norm = OptimisationConfig().gradient_norm if "clipping" in names else None
    optimisation = replace(base.optimisation, gradient_norm=norm)
    return replace(base, head=head, sparsity=SparsityConfig(mode=mode), optimisation=optimisation)


ADDITIONS: tuple[Addition, ...] = (
    "embedding",
    "saliency",
    "layer_norm",
    "normalised_gates",
    "anytime",
    "clipping",
)
"""What a run has that asks for nothing else; ``target`` takes the place of ``anytime``."""

ALONE: Mapping[str, Variant] = {name: with_additions(name, base=paper()) for name in (*ADDITIONS, "target")}
"""Each addition on its own, on top of the paper's model."""

ALL_BUT: Mapping[str, Variant] = {
    f"all_but_{name}": with_additions(*(each for each in ADDITIONS if each != name), base=everything())
    for name in ADDITIONS
}
"""All together but for one."""

VARIANTS: Mapping[str, Variant] = {
    "paper": paper(),
    "paper_l0_0.03": paper(0.03),
    **ALONE,
    "all": everything(),
    **ALL_BUT,
    "all_with_target": replace(everything(), sparsity=SparsityConfig(mode="target_timesteps")),
    "all_with_the_papers_epsilon": replace(
        everything(),
        optimisation=replace(OptimisationConfig(), adam_epsilon=paper_optimisation().adam_epsilon),
    ),
}
"""Everything that is measured."""
