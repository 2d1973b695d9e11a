import torch

from benchmarks.nets import NetsConfig, blank, measure, normalised
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.trunk import build_trunk


def test_both_ways_are_timed():
    config = NetsConfig(timesteps=2, turns=2)
    row = measure("mobilenetv3_small_050", config, torch.device("cpu"), training=False, peak_gmacs=None)
    assert row["plain_videos_per_second"] > 0
    assert row["ratio"] > 0
    assert "share_of_matrix_rate" not in row


def test_both_ways_compute_the_same():
    torch.manual_seed(0)
    heavy = HeavyNet(HeavyNet.Config(name="shufflenet3d_x0_25", weights="random", size=40))
    torch.manual_seed(0)
    plain = build_trunk("shufflenet3d_x0_25").net.eval()
    snippets = blank(heavy, 2)
    with torch.no_grad():
        expected = plain(normalised(heavy, snippets))
        assert torch.allclose(heavy(snippets), expected, atol=1e-3 * float(expected.abs().max()))
