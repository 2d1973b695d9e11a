"""Studies: the paper's experiments, from runs that have been trained and evaluated."""
