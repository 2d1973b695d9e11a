"""Budgets: how many timesteps may be kept, as the paper evaluates them."""


def budgets(candidates: int) -> list[int]:
    """1, 2, 4, ... up to all candidates."""
    powers = [2**power for power in range(candidates.bit_length()) if 2**power < candidates]
    return [*powers, candidates]
