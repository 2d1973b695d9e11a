"""Eight trials of seconds, to see that everything works."""

from typing import Any

from ray import tune

SEARCH = "variants"
TRIALS = 8
SPACE: dict[str, Any] = {
    "sparsity.target_timesteps": tune.choice([2, 4, 8]),
    "head.selector.kernels": tune.choice([16, 64]),
    "optimisation.epochs": 8,
    "optimisation.validate_every": 4,
}
