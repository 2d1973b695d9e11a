import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from epitoma.losses import classification_loss
from epitoma.metrics import accuracy, mean_average_precision, score, selection_precision


def test_average_precision_by_hand():
    scores_VL = torch.tensor([[0.9], [0.8], [0.7], [0.6]]).logit()
    labels_VL = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    assert mean_average_precision(scores_VL, labels_VL).value == pytest.approx((1 / 1 + 2 / 3) / 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_mean_average_precision_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(30, 6)).astype(np.float32)
    labels = (rng.uniform(size=(30, 6)) < 0.3).astype(np.float32)
    labels[:, 2] = 0
    labels[0, [0, 1, 3, 4, 5]] = 1
    result = mean_average_precision(torch.from_numpy(scores), torch.from_numpy(labels))
    expected = [average_precision_score(labels[:, c], scores[:, c]) for c in (0, 1, 3, 4, 5)]
    assert result.value == pytest.approx(np.mean(expected), abs=1e-5)
    assert result.classes_without_positives == (2,)


def test_no_positive_at_all_is_an_error():
    with pytest.raises(ValueError, match="without any positive"):
        mean_average_precision(torch.zeros(3, 2), torch.zeros(3, 2))


def test_accuracy_and_selection_precision_by_hand():
    scores_VL, labels_VL = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 1.0]]), torch.eye(2)[[0, 1, 1]]
    assert accuracy(scores_VL, labels_VL) == pytest.approx(2 / 3)
    assert score(scores_VL, labels_VL, multi_label=False) == pytest.approx(2 / 3)
    open_VT = torch.tensor([[True, True, False], [True, False, False]])
    evidence_VT = torch.tensor([[True, False, True], [True, True, False]])
    assert selection_precision(open_VT, evidence_VT) == pytest.approx(2 / 3)
    assert math.isnan(selection_precision(torch.zeros_like(open_VT), evidence_VT))


def test_losses_are_one_value_a_video():
    logits_BL = torch.tensor([[1.0, -1.0], [0.5, 0.5]])
    single = classification_loss(logits_BL, torch.eye(2), multi_label=False)
    multi = classification_loss(logits_BL, torch.ones(2, 2), multi_label=True)
    assert single.tolist() == pytest.approx([math.log(1 + math.exp(-2)), math.log(2)])
    expected = [(math.log(1 + math.exp(-1)) + math.log(1 + math.e)) / 2, math.log(1 + math.exp(-0.5))]
    assert multi.tolist() == pytest.approx(expected)
