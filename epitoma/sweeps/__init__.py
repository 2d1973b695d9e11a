"""Results of sweeps: trials, the Pareto front of score against cost, and expected scores on new videos."""
