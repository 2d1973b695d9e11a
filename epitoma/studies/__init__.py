"""Studies: the paper's tables and figures, from runs that have been trained and evaluated."""
