"""The model's promises: skipping is exact, and a video's answer depends on that video alone."""

import pytest
import torch
from torch import Tensor

from epitoma.core.selection import FeatureCandidates, PixelCandidates, Recognition, Selection, all_valid
from epitoma.models.classifier import EpitomaClassifier, VideoClassifier
from epitoma.models.gating import logistic_noise
from epitoma.models.paper import paper_head
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, VideoEpitoma, build_model
from epitoma.training.losses import cross_entropy
from tests.models.test_gates import GATES


def pixels(batch: int = 2, timesteps: int = 4, *, seed: int = 0) -> PixelCandidates:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (batch, timesteps, 3, 32, 32), generator=generator, dtype=torch.uint8)
    snippets = torch.randint(0, 256, (batch, timesteps, 3, 2, 32, 32), generator=generator, dtype=torch.uint8)
    return PixelCandidates(
        frames_BTCHW=frames, snippets_BTCMHW=snippets, valid_BT=all_valid(batch, timesteps)
    )


def features(batch: int, timesteps: int, *, seed: int = 0) -> FeatureCandidates:
    generator = torch.Generator().manual_seed(seed)
    return FeatureCandidates(
        light_BTC=torch.randn(batch, timesteps, 12, generator=generator),
        heavy_BTC=torch.randn(batch, timesteps, 20, generator=generator),
        valid_BT=all_valid(batch, timesteps),
    )


def feature_model(config: HeadConfig) -> VideoEpitoma:
    torch.manual_seed(3)
    return VideoEpitoma(config, light_channels=12, heavy_channels=20, classes=3)


def noise(shape: tuple[int, int]) -> Tensor:
    return logistic_noise(shape, generator=torch.Generator().manual_seed(5))


def compute_everything(model: VideoEpitoma, candidates: PixelCandidates, noise_BT: Tensor) -> Recognition:
    """HeavyNet on every timestep, then multiplied by the gate: the slow way that skipping must equal."""
    light_BTC = model.light_features(candidates)
    selection, scores = model.select(light_BTC, candidates.valid_BT, noise_BT=noise_BT)
    networks = model.networks
    heavy_BTC = networks.heavy(candidates.snippets_BTCMHW.flatten(0, 1)).unflatten(0, light_BTC.shape[:2])
    head, gate_BT = model.classifier, selection.gate_BT
    if isinstance(head, EpitomaClassifier):
        x_BTC, weight_BT = head.embed(heavy_BTC), gate_BT
    else:
        x_BTC, weight_BT = heavy_BTC * gate_BT[..., None], (gate_BT > 0).to(gate_BT.dtype)
    share_BT1 = (weight_BT / weight_BT.sum(dim=1, keepdim=True))[..., None]
    logits_BL = head.mlp((head.attention(x_BTC, weight_BT) * share_BT1).sum(dim=1))
    return Recognition(logits_BL=logits_BL, selection=selection, light_logits_BL=scores.light_logits_BL)


def loss_and_gradients(model: VideoEpitoma, recognition: Recognition) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    loss = cross_entropy(recognition, torch.eye(3)[:2]).mean()
    loss = loss + 0.3 * recognition.selection.open_probability_BT.mean()
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("classifier", [VideoClassifier, EpitomaClassifier])
@pytest.mark.parametrize("gate", ["clipped_sigmoid", "hard_concrete"])
def test_skipping_shut_timesteps_gives_the_loss_and_gradients_of_computing_everything(
    model_config, gate, classifier
):
    model_config.head.gating.gate = gate
    model_config.head.classifier = classifier.Config()
    model = build_model(model_config).double().eval()
    candidates, noise_BT = pixels(), noise((2, 4)).double()
    skipped = model(candidates, noise_BT=noise_BT)
    assert 0 < int(skipped.selection.open_BT.sum()) < 8
    loss, gradients = loss_and_gradients(model, skipped)
    slow_loss, slow_gradients = loss_and_gradients(model, compute_everything(model, candidates, noise_BT))
    assert torch.allclose(loss, slow_loss, atol=1e-10)
    assert gradients.keys() == slow_gradients.keys()
    assert any(name.startswith("selector.mlp") and g.abs().max() > 0 for name, g in gradients.items())
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, slow_gradients[name], atol=1e-9), name


def test_heavy_net_runs_on_open_timesteps_and_no_other(model_config):
    model = build_model(model_config).eval()
    seen: list[int] = []
    model.networks.heavy.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    for settings in ({"noise_BT": noise((2, 4))}, {"budget": 1}, {"budget": 3}, {}):
        recognition = model(pixels(), **settings)
        assert seen.pop() == int(recognition.selection.count_B.sum())


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_videos_answer_does_not_depend_on_its_batch(head_config, gate, context, training):
    head_config.selector.context = context
    head_config.gating.gate = gate
    model = feature_model(head_config).eval()
    many, noise_BT = features(6, 9), noise((6, 9))
    together = model(many, noise_BT=noise_BT if training else None)
    assert len(set(together.selection.count_B.tolist())) > 1, "the videos should differ in T'"
    for place in range(6):
        one = FeatureCandidates(
            light_BTC=many.light_BTC[[place]],
            heavy_BTC=many.heavy_BTC[[place]],
            valid_BT=many.valid_BT[[place]],
        )
        alone = model(one, noise_BT=noise_BT[[place]] if training else None)
        assert torch.allclose(alone.logits_BL[0], together.logits_BL[place], atol=1e-5)
        assert torch.equal(alone.selection.open_BT[0], together.selection.open_BT[place])


def test_padding_changes_nothing(head_config):
    model = feature_model(head_config).eval()
    short = features(1, 5)
    garbage = torch.full((1, 3, 12), 1e3), torch.full((1, 3, 20), 1e3)
    padded = FeatureCandidates(
        light_BTC=torch.cat([short.light_BTC, garbage[0]], dim=1),
        heavy_BTC=torch.cat([short.heavy_BTC, garbage[1]], dim=1),
        valid_BT=torch.tensor([[True] * 5 + [False] * 3]),
    )
    for settings in ({}, {"budget": 2}, {"budget": 8}):
        alone, with_padding = model(short, **settings), model(padded, **settings)
        assert torch.allclose(alone.logits_BL, with_padding.logits_BL, atol=1e-5)
        assert torch.equal(alone.selection.open_BT, with_padding.selection.open_BT[:, :5])


def test_context_attention_lets_a_score_depend_on_other_timesteps_and_its_absence_does_not(head_config):
    """In the paper's selector: ours compares timesteps of a video by what LightNet recognises, too."""
    changed = {}
    for context in (True, False):
        head_config.selector = TimestepSelector.Config(context=context)
        model = feature_model(head_config).eval()
        one = features(1, 4)
        other = FeatureCandidates(
            light_BTC=one.light_BTC.clone(), heavy_BTC=one.heavy_BTC, valid_BT=one.valid_BT
        )
        other.light_BTC[0, 3] += torch.randn(other.light_BTC.shape[2])
        before, after = model(one).selection.alpha_BT, model(other).selection.alpha_BT
        changed[context] = not torch.allclose(before[0, 0], after[0, 0])
    assert changed == {True: True, False: False}


def test_given_timesteps_replace_the_selectors_choice(head_config):
    model = feature_model(head_config).eval()
    open_BT = torch.tensor([[True, False, True, False]])
    recognition = model(features(1, 4), open_BT=open_BT)
    assert torch.equal(recognition.selection.open_BT, open_BT)


def test_the_papers_head_works_on_networks_too(model_config: ModelConfig):
    model_config.head = paper_head()
    model = build_model(model_config).eval()
    assert model(pixels()).logits_BL.shape == (2, 3)


def test_features_and_pixels_give_the_same_answer(model_config):
    model = build_model(model_config).eval()
    candidates = pixels()
    all_BT = all_valid(2, 4)
    light_BTC = model.light_features(candidates)
    heavy_BTC = model.heavy_features(candidates, all_BT).view(2, 4, -1)
    stored = FeatureCandidates(light_BTC=light_BTC, heavy_BTC=heavy_BTC, valid_BT=all_BT)
    for settings in ({}, {"budget": 2}):
        assert torch.allclose(
            model(candidates, **settings).logits_BL, model(stored, **settings).logits_BL, atol=1e-5
        )


def test_pixels_need_networks(head_config):
    with pytest.raises(ValueError, match="PixelCandidates need a model with its networks"):
        feature_model(head_config)(pixels())


def test_selection_refuses_shapes_that_do_not_agree():
    with pytest.raises(ValueError, match="share one"):
        Selection(
            alpha_BT=torch.zeros(2, 3),
            gate_BT=torch.zeros(2, 4),
            open_probability_BT=torch.zeros(2, 3),
            valid_BT=all_valid(2, 3),
        )
