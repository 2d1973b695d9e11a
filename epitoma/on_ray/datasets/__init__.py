"""Datasets made in parallel by Ray tasks."""
