"""Protocols of the model's exchangeable parts; ``epitoma/core/registry.py`` finds each by name.

A part is a class (``selector``, ``classifier``, ``gate``) or a function (``loss``, ``network``):

- ``@register("selector", NAME)`` on an ``nn.Module`` with a nested ``Config`` that derives from SelectorConfig, made
  with ``(config, *, channels, classes)``;
- ``@register("classifier", NAME)`` likewise, with ClassifierConfig;
- ``@register("gate", NAME)`` on the class of a gate, made without arguments;
- ``@register("loss", NAME)`` on a function from what the model says and the labels to the loss of each video;
- ``@register("network", NAME)`` on a function without arguments that returns a Trunk.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from epitoma.core.registry import Kind, PartConfig
from epitoma.core.selection import Classified, Recognition, Scores, Selection


@dataclass(kw_only=True)
class SelectorConfig(PartConfig):
    """Base of the options of selectors."""

    kind: ClassVar[Kind] = "selector"


@dataclass(kw_only=True)
class ClassifierConfig(PartConfig):
    """Base of the options of classifiers.

    Attributes:
        loss: Name of the loss that the classifier learns from where a run names none; None leaves it to the labels.
    """

    kind: ClassVar[Kind] = "classifier"
    loss: ClassVar[str | None] = None


class Selector(Protocol):
    """Scores timesteps on LightNet's features; what opens on the scores is decided by ``gating.py``."""

    def __call__(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep.

        Args:
            light_BTC: LightNet's features.
            valid_BT: False for padding, which must not change the scores of other timesteps.
        """
        ...


@runtime_checkable
class HasConcepts(Protocol):
    """A selector with concept kernels, which can be shown by the frames that are most like them."""

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``; arguments as of the scores."""
        ...


class Gate(Protocol):
    """A stochastic function from a score to a value in [0, 1], exactly 0 where the gate is shut; for training."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value for score ``alpha`` under logistic ``noise``."""
        ...

    def open_probability(self, alpha: Tensor) -> Tensor:
        """Probability over the noise that the gate is above 0."""
        ...


class Classifier(Protocol):
    """Classifies videos by HeavyNet's features of their open timesteps."""

    def __call__(self, heavy_PC: Tensor, selection: Selection) -> Tensor | Classified:
        """Logits of the videos, ``(B, L)``, by themselves or with what a loss of its own needs.

        Args:
            heavy_PC: Features of the open timesteps of all videos, packed (``packing.py``).
            selection: Which timesteps are open, and the values of their gates.
        """
        ...


@runtime_checkable
class Annealed(Protocol):
    """Any module of a part that changes in the course of training."""

    def anneal(self, progress: float) -> None:
        """Called before each step of training.

        Args:
            progress: Share of the run's steps that are done, from 0 to below 1.
        """
        ...


class Loss(Protocol):
    """What training minimises, but for the penalty on open gates."""

    def __call__(self, recognition: Recognition, labels_BL: Tensor) -> Tensor:
        """Loss of each video, ``(B,)``, so that rejected videos can be left out exactly.

        Args:
            recognition: What the model says: logits, LightNet's own logits where there are any, and the selection.
            labels_BL: Multi-hot labels; exactly one 1 a row where single-label.
        """
        ...
