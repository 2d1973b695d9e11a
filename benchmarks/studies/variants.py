"""Settings that the ablation and figure 6 compare, each a change of one config."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.studies.feature_runs import FeatureData
from epitoma.models.classifier import VideoClassifier
from epitoma.models.paper import paper_head
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig
from epitoma.training.run_config import TrainConfig

KERNELS = (8, 32, 128, 256)


def ablation_runs(features: FeatureData, seeds: Sequence[int]) -> list[TrainConfig]:
    """The gate in all its forms, the paper's head, and other numbers of kernels.

    Without budgets gates multiply features, as in the paper: an L0 weight shrinks normalised ones until one is left.
    """
    base = features.config
    multiplied = replace(base.head, classifier=VideoClassifier.Config())
    target = replace(base.sparsity, mode="target_timesteps")
    nothing = replace(base.sparsity, mode="none")
    settings: dict[str, dict[str, Any]] = {
        "anytime": {},
        "target": {"sparsity": target, "head": multiplied},
        "fixed weight": {"sparsity": replace(base.sparsity, mode="l0_weight"), "head": multiplied},
        "no L0": {"sparsity": nothing, "head": multiplied},
        "binary gate": {"sparsity": target, "head": with_gate(multiplied, "binary")},
        "hard concrete": {"sparsity": target, "head": with_gate(multiplied, "hard_concrete")},
        "the paper's": {
            "sparsity": replace(base.sparsity, mode="l0_weight"),
            "head": paper_head(kernels=base.head.selector.kernels),
        },
        **{f"{count} kernels": {"head": with_kernels(base.head, count)} for count in KERNELS},
    }
    return [run for name, changes in settings.items() for run in features.runs(name, seeds, **changes)]


def conditioned_runs(features: FeatureData, seeds: Sequence[int]) -> list[TrainConfig]:
    """Gates of the paper's selector that see one frame, and those that see the whole video."""
    runs = []
    for name, context in (("frame", False), ("context", True)):
        selector = TimestepSelector.Config(context=context)
        runs += features.runs(name, seeds, head=replace(features.config.head, selector=selector))
    return runs


def with_gate(head: HeadConfig, gate: str) -> HeadConfig:
    """The same head with a gate of another form."""
    return replace(head, gating=replace(head.gating, gate=gate))


def with_kernels(head: HeadConfig, count: int) -> HeadConfig:
    """The same head with another number of concept kernels."""
    return replace(head, selector=replace(head.selector, kernels=count))
