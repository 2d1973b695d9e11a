"""What is added to the class scores so that no class is foretold too often: set on validation, not learnt.

A network that has come to know its training videos by heart finds fewer signs of a class in new ones than in those, and
of some classes fewer than of others; its scores then lean to the class that is known by the absence of signs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

RIDGE = 0.05
STEPS = 50


@torch.enable_grad()
def fitted_class_bias(logits_VL: Tensor, labels_VL: Tensor) -> Tensor:
    """Bias ``(L,)`` under which scores of validation videos say most of their labels.

    Scores are scaled and biased at once, as over-confidence would shrink a bias by itself; large biases are held back,
    as there are few validation videos.

    Args:
        logits_VL: Class scores of videos with one label each.
        labels_VL: One-hot labels.

    Source: vector scaling, Guo et al., "On calibration of modern neural networks" (ICML 2017), section 4.2.
    """
    logits_VL, target_V = logits_VL.detach().double(), labels_VL.argmax(dim=1)
    log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    bias_L = torch.zeros(logits_VL.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_scale, bias_L], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(log_scale.exp() * logits_VL + bias_L, target_V)
        value = value + RIDGE * bias_L.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return (bias_L / log_scale.exp()).detach().float()
