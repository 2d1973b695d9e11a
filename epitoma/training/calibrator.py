"""Calibration of the threshold at which gates open at inference, measured on validation and stored in the model."""

from epitoma.models.gating import Gating, lead
from epitoma.training.loop_config import LoopConfig
from epitoma.training.sparsity import calibrated_threshold
from epitoma.training.validator import Validation


class Calibrator:
    """Sets the threshold of a model's gates.

    Args:
        gating: The gates.
        config: How they were trained.
    """

    def __init__(self, gating: Gating, config: LoopConfig) -> None:
        self.gating = gating
        self.config = config

    def calibrate(self, seen: Validation) -> None:
        """Set the threshold so that gates keep the target number of timesteps in the mean; else reset it."""
        if self.config.sparsity.has_target and self.config.selection == "learnt":
            target = self.config.sparsity.target_timesteps
            lead_VT = lead(seen.alpha_VT, seen.valid_VT)
            self.gating.set_threshold(calibrated_threshold(lead_VT, seen.valid_VT, target_timesteps=target))
        else:
            self.gating.reset_threshold()
