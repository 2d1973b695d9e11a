"""What an epoch counts goes on where it was cut off, whoever goes on with it."""

import pytest
import torch

from epitoma.training.sums import Sums


def test_a_rejected_video_counts_in_none_of_them():
    sums = Sums.over(
        torch.tensor([1.0, 0.0, 1.0]),
        loss_B=torch.tensor([0.5, 100.0, 1.5]),
        hit_B=torch.tensor([True, True, False]),
        timesteps_B=torch.tensor([4, 9, 6]),
    )
    assert sums.means() == {"loss": 1.0, "accuracy": 0.5, "timesteps": 5.0, "videos": 2.0}
    assert Sums.zero().means()["loss"] == 0.0


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_sums_of_an_epoch_go_on_with_other_workers(world_size: int):
    counted = [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]
    shares = [
        Sums.resumed(counted, rank=rank, world_size=world_size).tensor().tolist()
        for rank in range(world_size)
    ]
    if world_size == len(counted):
        assert shares == counted
    else:
        assert shares == [[11.0, 22.0, 33.0, 44.0], *[[0.0] * 4] * (world_size - 1)]


def test_nothing_is_gone_on_with_at_the_start_of_an_epoch():
    assert Sums.resumed([], rank=0, world_size=2).tensor().tolist() == [0.0] * 4
