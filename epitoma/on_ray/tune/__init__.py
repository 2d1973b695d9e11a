"""Sweeps with Ray Tune: search spaces, trials, running and resuming them."""
