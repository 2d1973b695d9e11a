"""Paired differences: what is measured under the same seeds is compared seed by seed."""

from collections.abc import Sequence
from math import isnan
from statistics import mean, stdev


def mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    """Mean of paired differences and its standard error, which one pair alone does not tell."""
    error = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("nan")
    return mean(differences), error


def with_error(difference: float, error: float) -> str:
    """A difference for a table, with its standard error where there is one."""
    return f"{difference:+.3f}" if isnan(error) else f"{difference:+.3f} +- {error:.3f}"
