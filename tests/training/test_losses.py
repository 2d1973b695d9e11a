"""Losses by hand, one value a video."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from epitoma.core.config import to_dict
from epitoma.core.errors import ConfigError
from epitoma.core.selection import Recognition
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.videoepitoma import HeadConfig, selection_from_mask
from epitoma.training.losses import (
    MULTI_LABEL,
    SINGLE_LABEL,
    binary_cross_entropy,
    cross_entropy,
    loss_of,
)
from tests.training.synthetic_features import make_config


def recognition(logits_BL: Tensor, light_logits_BL: Tensor | None = None) -> Recognition:
    open_BT = torch.ones(len(logits_BL), 1, dtype=torch.bool)
    selection = selection_from_mask(open_BT, open_BT)
    return Recognition(logits_BL=logits_BL, selection=selection, light_logits_BL=light_logits_BL)


LOGITS_BL = torch.tensor([[1.0, -1.0], [0.5, 0.5]])


def test_one_label_a_video():
    found = cross_entropy(recognition(LOGITS_BL), torch.eye(2))
    assert found.tolist() == pytest.approx([math.log(1 + math.exp(-2)), math.log(2)])


def test_several_labels_are_summed_over_classes_and_not_averaged():
    found = binary_cross_entropy(recognition(LOGITS_BL), torch.ones(2, 2))
    expected = [math.log(1 + math.exp(-1)) + math.log(1 + math.e), 2 * math.log(1 + math.exp(-0.5))]
    assert found.tolist() == pytest.approx(expected)
    # A hundred classes that a video does not have: each says as much as it does alone.
    many_BL, none_BL = torch.zeros(1, 100), torch.zeros(1, 100)
    assert float(binary_cross_entropy(recognition(many_BL), none_BL)) == pytest.approx(
        100 * math.log(2), rel=1e-5
    )


@pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy])
def test_the_light_nets_own_guess_learns_from_the_labels_too(loss):
    labels_BL, light_BL = torch.eye(2), torch.randn(2, 2)
    both = loss(recognition(LOGITS_BL, light_BL), labels_BL)
    alone = loss(recognition(LOGITS_BL), labels_BL) + loss(recognition(light_BL), labels_BL)
    assert torch.allclose(both, alone)


def test_logits_of_mixed_precision_are_compared_in_float32():
    assert cross_entropy(recognition(LOGITS_BL.bfloat16()), torch.eye(2)).dtype == torch.float32


def test_the_labels_say_which_loss_unless_one_is_named():
    assert loss_of(None, multi_label=False) is cross_entropy
    assert loss_of(None, multi_label=True) is binary_cross_entropy
    assert loss_of("binary_cross_entropy", multi_label=False) is binary_cross_entropy
    with pytest.raises(ConfigError, match="no loss 'hinge'"):
        loss_of("hinge", multi_label=False)


@dataclass(kw_only=True)
class OwnLoss(EpitomaClassifier.Config):
    loss: ClassVar[str | None] = MULTI_LABEL


def test_a_classifier_may_have_a_loss_of_its_own_unless_one_is_named(tmp_path):
    own = HeadConfig(classifier=OwnLoss())
    assert make_config(tmp_path).loop(multi_label=False).loss is None
    assert make_config(tmp_path, head=own).loop(multi_label=False).loss == MULTI_LABEL
    assert make_config(tmp_path, head=own, loss=SINGLE_LABEL).loop(multi_label=False).loss == SINGLE_LABEL
    # An option that no run sets is none of its config.
    assert "loss" not in to_dict(own.classifier)
