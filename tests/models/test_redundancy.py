import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.selection import all_valid
from epitoma.models.redundancy import likeness, worth


@given(st.integers(1, 8), st.floats(0.0, 10.0), st.integers(0, 1000))
def test_worth_is_that_of_taking_one_after_the_other(timesteps, redundancy, seed):
    """Equal to a loop in plain Python over every timestep that is left."""
    generator = torch.Generator().manual_seed(seed)
    score_BT = torch.randn(2, timesteps, generator=generator)
    light_BTC = torch.randn(2, timesteps, 5, generator=generator)
    valid_BT = torch.rand(2, timesteps, generator=generator) < 0.8
    valid_BT[:, 0] = True
    found_BT = worth(score_BT, light_BTC, valid_BT, redundancy=redundancy)
    for video in range(2):
        left = [place for place in range(timesteps) if valid_BT[video, place]]
        apart_TC = light_BTC[video] - light_BTC[video, left].mean(dim=0)
        taken: list[int] = []

        def value(place: int, video=video, apart_TC=apart_TC, taken=taken) -> float:
            alike = [torch.cosine_similarity(apart_TC[place], apart_TC[other], dim=0) for other in taken]
            return float(score_BT[video, place]) - redundancy * max(0.0, *map(float, alike), 0.0)

        while left:
            best = max(left, key=value)
            assert abs(float(found_BT[video, best]) - value(best)) < 1e-4
            taken.append(best)
            left.remove(best)
    assert torch.isneginf(found_BT[~valid_BT]).all()


def test_those_that_are_not_taken_are_worth_what_the_next_would_be():
    score_BT, light_BTC = torch.tensor([[3.0, 2.0, 1.0]]), torch.eye(3)[None]
    light_BTC[0, 1] = light_BTC[0, 0]
    assert worth(score_BT, light_BTC, all_valid(1, 3), redundancy=5.0, taken=1).tolist() == [[3.0, -3.0, 1.0]]


def test_likeness_is_of_what_sets_timesteps_apart_and_not_of_what_all_have():
    apart_TC = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [-3.0, -1.0]])
    expected_TT = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float32)
    for common in (0.0, 100.0):
        assert torch.allclose(likeness((apart_TC + common)[None], all_valid(1, 4))[0], expected_TT, atol=1e-4)


def test_without_redundancy_worth_is_the_score():
    score_BT = torch.randn(2, 4)
    assert torch.equal(worth(score_BT, torch.zeros(2, 4, 3), all_valid(2, 4), redundancy=0.0), score_BT)
