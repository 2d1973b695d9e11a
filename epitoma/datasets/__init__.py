"""Datasets: the manifest that names videos, labels and splits, and what makes one."""
