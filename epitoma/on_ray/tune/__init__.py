"""Ray Tune around trials: search spaces, trials, restoring."""
