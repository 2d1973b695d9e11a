import torch

from epitoma.core.selection import all_valid
from epitoma.models.centring import standardised
from epitoma.models.saliency import LightGuess, Saliency
from epitoma.models.videoepitoma import imitation


def saliency(**settings) -> Saliency:
    torch.manual_seed(0)
    return Saliency(Saliency.Config(**settings), channels=6, classes=3).eval()


def test_the_videos_score_is_the_mean_over_the_best_timesteps_of_each_class():
    module, light_BTC = saliency(pooled_share=0.5), torch.randn(2, 5, 6)
    valid_BT = all_valid(2, 5)
    valid_BT[1, 3:] = False
    _, guess = module(light_BTC, valid_BT)
    for video, (valid, kept) in enumerate([(5, 3), (3, 2)]):
        frame_TL = module.classifier(light_BTC[video, :valid])
        assert torch.allclose(
            guess.logits_BL[video], frame_TL.topk(kept, dim=0).values.mean(dim=0), atol=1e-6
        )


def test_the_hint_is_standardised_and_blind_to_padding():
    module, light_BTC = saliency(weight=3.0), torch.randn(1, 6, 6)
    valid_BT = torch.tensor([[True, True, True, True, False, False]])
    hint_BT, _ = module(light_BTC, valid_BT)
    alone_BT, _ = module(light_BTC[:, :4], valid_BT[:, :4])
    assert torch.allclose(hint_BT[:, :4], alone_BT, atol=1e-5)
    assert torch.allclose(hint_BT[:, :4].std(unbiased=False), torch.tensor(3.0), atol=1e-4)
    assert hint_BT[0, 4:].tolist() == [0, 0]


def test_a_single_timestep_has_no_hint():
    assert standardised(torch.tensor([[7.0]]), all_valid(1, 1)).tolist() == [[0.0]]


def test_the_hint_trains_its_weight_but_not_the_frame_classifier():
    module = saliency()
    hint_BT, _ = module(torch.randn(2, 4, 6), all_valid(2, 4))
    hint_BT.square().sum().backward()
    assert module.weight.grad != 0
    assert all(parameter.grad is None for parameter in module.classifier.parameters())


def test_light_nets_guess_is_drawn_to_heavy_nets_at_open_timesteps_and_never_the_other_way():
    """The distance is the mean over open timesteps of the mean square over classes, computed by hand."""
    light_BTL, heavy_BTL = (torch.randn(2, 3, 4, requires_grad=True) for _ in range(2))
    open_BT = torch.tensor([[True, False, True], [False, False, True]])
    guess = LightGuess(frame_logits_BTL=light_BTL, logits_BL=torch.zeros(2, 4))
    imitation_B = imitation(guess, heavy_BTL[open_BT], open_BT)
    squared_BT = (light_BTL - heavy_BTL).square().mean(dim=2)
    by_hand_B = torch.stack([(squared_BT[0, 0] + squared_BT[0, 2]) / 2, squared_BT[1, 2]])
    assert torch.allclose(imitation_B, by_hand_B)
    imitation_B.sum().backward()
    assert heavy_BTL.grad is None
    assert torch.equal(light_BTL.grad.abs().sum(dim=2) > 0, open_BT)


def test_without_a_guess_there_is_nothing_to_imitate():
    assert imitation(None, torch.zeros(1, 2), torch.ones(1, 1, dtype=torch.bool)) is None
