"""Accuracy up and GMACs down: Optuna looks for the models that are best at one tradeoff or another."""

from typing import Any

from ray import tune

SEARCH = "optuna"
TRIALS = 64
SPACE: dict[str, Any] = {
    "sparsity.mode": tune.choice(["anytime", "target_timesteps"]),
    "sparsity.target_timesteps": tune.lograndint(1, 17),
    "head.selector.kernels": tune.choice([32, 64, 128, 256]),
    "head.classifier.dropout": tune.choice([0.1, 0.3]),
    "optimisation.learning_rate": tune.loguniform(3e-4, 3e-3),
    "optimisation.epochs": 12,
    "optimisation.validate_every": 3,
}
