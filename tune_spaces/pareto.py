"""Accuracy up and GMACs down: Optuna looks for the models that are best at one tradeoff or another."""

from typing import Any

from ray import tune

SEARCH = "optuna"
TRIALS = 64
SPACE: dict[str, Any] = {
    "sparsity.mode": tune.choice(["anytime", "target_timesteps"]),
    "sparsity.target_timesteps": tune.lograndint(1, 17),
    "sparsity.warmup": tune.choice([0.2, 0.5]),
    "sparsity.open_every": tune.choice([2, 3, 5]),
    "head.selector.kernels": tune.choice([32, 64, 128, 256]),
    "head.classifier.dropout": tune.choice([0.1, 0.3]),
    "optimisation.matrix_learning_rate": tune.loguniform(5e-3, 4e-2),
    "optimisation.epochs": 12,
    "optimisation.validate_every": 3,
}
