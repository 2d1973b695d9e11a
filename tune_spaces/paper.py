"""The paper's own knobs as a grid: weight of the L0 loss, concept kernels, and timesteps the selector looks at.

Every trial is measured at every budget T' from 1 to all of them, as in the paper's figures. Selector and classifier are
the paper's: its gates multiply features, which is what holds some of them open against the penalty (docs/method.md).
"""

from typing import Any

from ray import tune

SEARCH = "variants"
TRIALS = 1
SPACE: dict[str, Any] = {
    "head.selector": "paper",
    "head.classifier": "paper",
    "sparsity.mode": "l0_weight",
    "sparsity.l0_weight": tune.grid_search([0.03, 0.1, 0.2, 0.5, 1.0]),
    "head.selector.kernels": tune.grid_search([64, 128, 256]),
    "timesteps": tune.grid_search([16, 32, 64, 128]),
    "train_timesteps": None,
}
