"""The training budget that every way has: the same videos, steps and optimiser, and as many looks at validation."""

import math
from dataclasses import dataclass, field, replace

from epitoma.training.optimisation import OptimisationConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The training budget.

    Attributes:
        steps: Optimiser steps, rounded up to whole passes over the training videos, of which small sets need more.
        candidates: Timesteps of a video, drawn at random each time that training sees it.
        validations: Looks at the validation videos, at most, spread over training.
        optimisation: How weights are moved; how long and how often they are looked at follows from the above.
    """

    steps: int = 250
    candidates: int = 64
    validations: int = 5
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)

    def optimisation_of(self, videos: int) -> OptimisationConfig:
        """All of it, for so many training videos."""
        epochs = math.ceil(self.steps / math.ceil(videos / self.optimisation.batch_size))
        every = math.ceil(epochs / self.validations)
        return replace(self.optimisation, epochs=epochs, validate_every=every)
