import torch

from epitoma.core.selection import all_valid
from epitoma.models.saliency import HINT_WEIGHT, Saliency
from epitoma.models.standardise import standardised


def saliency() -> Saliency:
    torch.manual_seed(0)
    return Saliency(channels=6, classes=3).eval()


def test_the_videos_score_is_the_mean_over_the_best_timesteps_of_each_class():
    module, light_BTC = saliency(), torch.randn(2, 25, 6)
    valid_BT = all_valid(2, 25)
    valid_BT[1, 15:] = False
    _, logits_BL = module(light_BTC, valid_BT)
    for video, (valid, kept) in enumerate([(25, 3), (15, 2)]):
        frame_TL = module.classifier(light_BTC[video, :valid])
        assert torch.allclose(logits_BL[video], frame_TL.topk(kept, dim=0).values.mean(dim=0), atol=1e-6)


def test_the_hint_is_standardised_and_blind_to_padding():
    module, light_BTC = saliency(), torch.randn(1, 6, 6)
    valid_BT = torch.tensor([[True, True, True, True, False, False]])
    hint_BT, _ = module(light_BTC, valid_BT)
    alone_BT, _ = module(light_BTC[:, :4], valid_BT[:, :4])
    assert torch.allclose(hint_BT[:, :4], alone_BT, atol=1e-5)
    assert torch.allclose(hint_BT[:, :4].std(unbiased=False), torch.tensor(HINT_WEIGHT), atol=1e-4)
    assert hint_BT[0, 4:].tolist() == [0, 0]


def test_a_single_timestep_has_no_hint():
    assert standardised(torch.tensor([[7.0]]), all_valid(1, 1)).tolist() == [[0.0]]


def test_the_hint_trains_its_weight_but_not_the_frame_classifier():
    module = saliency()
    hint_BT, _ = module(torch.randn(2, 4, 6), all_valid(2, 4))
    hint_BT.square().sum().backward()
    assert module.weight.grad != 0
    assert all(parameter.grad is None for parameter in module.classifier.parameters())
