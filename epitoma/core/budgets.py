"""Budgets: the numbers of kept timesteps at which models are evaluated, as in the paper."""


def budgets(candidates: int) -> list[int]:
    """Powers of two below the number of candidates, and that number: 1, 2, 4, ..., all."""
    powers = [2**power for power in range(candidates.bit_length()) if 2**power < candidates]
    return [*powers, candidates]
