from epitoma.core.budgets import budgets


def test_budgets_are_powers_of_two_and_all():
    assert budgets(32) == [1, 2, 4, 8, 16, 32]
    assert budgets(20) == [1, 2, 4, 8, 16, 20]
    assert budgets(1) == [1]
