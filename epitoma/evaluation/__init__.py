"""Evaluation of trained models at every budget: score against computation, and the chosen timesteps."""
