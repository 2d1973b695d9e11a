import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score

from epitoma.training.metrics import accuracy, hits, mean_average_precision, score, selection_precision


def test_average_precision_by_hand():
    scores_VL = torch.tensor([[0.9], [0.8], [0.7], [0.6]]).logit()
    labels_VL = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    assert mean_average_precision(scores_VL, labels_VL).value == pytest.approx((1 / 1 + 2 / 3) / 2)


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


@given(
    seed=st.integers(0, 10_000),
    distinct=st.integers(1, 6),
    videos=st.integers(1, 60),
    share=st.floats(0.02, 0.98),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_ties_and_scores_of_any_scale_are_as_in_scikit_learn(seed, distinct, videos, share, scale):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-distinct, distinct, size=(videos, 4)) * scale
    labels = rng.uniform(size=(videos, 4)) < share
    labels[rng.integers(videos), 0] = True
    result = mean_average_precision(torch.from_numpy(scores).float(), torch.from_numpy(labels).float())
    kept = [c for c in range(4) if labels[:, c].any()]
    expected = [average_precision_score(labels[:, c], scores[:, c]) for c in kept]
    assert result.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert result.classes_without_positives == tuple(c for c in range(4) if c not in kept)


def test_mean_average_precision_is_of_a_whole_split_and_not_a_mean_of_batches():
    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.normal(size=(64, 5)))
    labels = torch.from_numpy((rng.uniform(size=(64, 5)) < 0.3).astype(np.float32))
    expected = average_precision_score(labels.numpy(), scores.numpy(), average="macro")
    whole = mean_average_precision(scores, labels).value
    assert whole == pytest.approx(expected, abs=1e-6)
    batches = zip(scores.split(16), labels.split(16), strict=True)
    assert abs(np.mean([mean_average_precision(*batch).value for batch in batches]) - whole) > 0.02


def test_ties_by_hand():
    # Four videos at one threshold, of which two are positive, below one that is not.
    scores_VL = torch.tensor([[2.0], [1.0], [1.0], [1.0], [1.0]])
    labels_VL = torch.tensor([[0.0], [1.0], [1.0], [0.0], [0.0]])
    assert mean_average_precision(scores_VL, labels_VL).value == pytest.approx(2 / 5)


def test_scores_that_a_sigmoid_would_make_equal_are_told_apart():
    scores_VL = torch.tensor([[400.0], [300.0], [200.0], [100.0]])
    labels_VL = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    assert mean_average_precision(scores_VL, labels_VL).value == pytest.approx((1 / 1 + 2 / 3) / 2)


def official_charades_map(scores: np.ndarray, labels: np.ndarray, *, is_scored: np.ndarray) -> float:
    """As Charades_v1_classify.m counts: who is not scored gets minus infinity, then precision at each positive."""
    scores = np.where(is_scored[:, None], scores, -np.inf)
    found = []
    for c in range(labels.shape[1]):
        order = np.argsort(-scores[:, c], kind="stable")
        hits = labels[order, c]
        if hits.any():
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            found.append(precision[hits].mean())
    return float(np.mean(found))


@given(seed=st.integers(0, 10_000), unlabelled=st.integers(0, 10))
def test_leaving_unlabelled_videos_out_is_the_official_charades_evaluation(seed, unlabelled):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(40, 7))
    labels = rng.uniform(size=(40, 7)) < 0.2
    labels[:unlabelled] = False
    labels[20, :] = True
    is_labelled = labels.any(axis=1)
    official = official_charades_map(scores, labels, is_scored=is_labelled)
    # Left out by preparing the dataset, or put last by their scores: the same number.
    kept = torch.from_numpy(scores[is_labelled]), torch.from_numpy(labels[is_labelled]).float()
    assert mean_average_precision(*kept).value == pytest.approx(official, abs=1e-6)
    last = torch.from_numpy(np.where(is_labelled[:, None], scores, -np.inf))
    assert mean_average_precision(last, torch.from_numpy(labels).float()).value == pytest.approx(
        official, abs=1e-6
    )


def test_a_class_without_positives_is_left_out_and_named():
    scores_VL = torch.tensor([[0.9, 0.1, 0.3], [0.2, 0.8, 0.7]])
    labels_VL = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    result = mean_average_precision(scores_VL, labels_VL)
    assert (result.value, result.classes_without_positives) == (1.0, (1,))


def test_scores_that_are_no_numbers_give_none():
    scores_VL = torch.tensor([[0.9], [math.nan], [0.7]])
    assert math.isnan(mean_average_precision(scores_VL, torch.tensor([[1.0], [0.0], [1.0]])).value)


@given(st.integers(0, 10_000))
def test_accuracy_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    scores, truth = rng.normal(size=(30, 6)), rng.integers(6, size=30)
    labels_VL = torch.eye(6)[truth]
    expected = accuracy_score(truth, scores.argmax(axis=1))
    assert accuracy(torch.from_numpy(scores), labels_VL) == pytest.approx(expected)


def test_of_several_labels_each_is_a_hit():
    scores_VL = torch.tensor([[0.1, 0.9, 0.3], [0.1, 0.2, 0.3]])
    labels_VL = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert hits(scores_VL, labels_VL).tolist() == [True, False]


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
