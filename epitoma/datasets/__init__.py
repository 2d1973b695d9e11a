"""Datasets: the manifest of videos, labels and splits, and the readers and makers that produce one."""
