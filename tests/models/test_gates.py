import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from epitoma.core.registry import registered
from epitoma.models.gates import BinaryGumbel, ClippedSigmoid, HardConcrete
from epitoma.models.gating import logistic_noise

GATES = ("binary", "clipped_sigmoid", "hard_concrete")


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("alpha", [-2.0, 0.0, 0.7, 3.0])
def test_the_stated_probability_is_how_often_the_gate_opens(name, alpha):
    noise = logistic_noise((200_000,), generator=torch.Generator().manual_seed(1))
    alphas = torch.full_like(noise, alpha)
    gate = registered("gate", name)()
    share_open = (gate.value(alphas, noise) > 0).double().mean()
    assert float(share_open) == pytest.approx(float(gate.open_probability(torch.tensor(alpha))), abs=0.005)


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_clipped_sigmoid_by_hand(alpha, noise):
    assume(abs(alpha + noise) > 1e-5)
    value = float(ClippedSigmoid().value(torch.tensor(alpha), torch.tensor(noise)))
    soft = 1 / (1 + math.exp(-(alpha + noise)))
    assert value == pytest.approx(soft if soft > 0.5 else 0.0, abs=1e-6)


def test_a_shut_clipped_gate_has_no_gradient_and_an_open_one_has_the_sigmoids():
    alpha = torch.tensor([-1.0, 1.0], requires_grad=True)
    ClippedSigmoid().value(alpha, torch.zeros(2)).sum().backward()
    soft = torch.sigmoid(torch.tensor(1.0))
    assert alpha.grad.tolist() == pytest.approx([0.0, float(soft * (1 - soft))])


def test_the_binary_gate_is_binary_and_passes_the_sigmoids_gradient_straight_through():
    alpha = torch.tensor([-1.0, 1.0], requires_grad=True)
    gate = BinaryGumbel().value(alpha, torch.zeros(2))
    gate.sum().backward()
    soft = torch.sigmoid(alpha.detach())
    assert gate.tolist() == pytest.approx([0.0, 1.0])
    assert alpha.grad.tolist() == pytest.approx((soft * (1 - soft)).tolist())


def test_hard_concrete_has_mass_at_both_ends_and_louizos_penalty():
    noise = logistic_noise((50_000,), generator=torch.Generator().manual_seed(2))
    gate = HardConcrete().value(torch.zeros_like(noise), noise)
    assert (gate == 0).float().mean() > 0.1
    assert (gate == 1).float().mean() > 0.1
    expected = 1 / (1 + math.exp(-(0.3 - 2 / 3 * math.log(0.1 / 1.1))))
    assert float(HardConcrete().open_probability(torch.tensor(0.3))) == pytest.approx(expected, abs=1e-6)
