"""The loop on synthetic features: it learns where to look, meets its target, repeats, and resumes exactly."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from epitoma.core.errors import ConfigError, DivergedError
from epitoma.models.classifier import VideoClassifier
from epitoma.models.paper import paper_head
from epitoma.presets import paper_optimisation
from epitoma.training.checkpoint_folder import name_of
from epitoma.training.context import LocalContext
from epitoma.training.events import Collapsed, PatienceSpent, Resumed, StartValidated, StepDone
from epitoma.training.sparsity import SparsityConfig
from tests.training.synthetic_features import (
    EVIDENCE,
    TIMESTEPS,
    epochs,
    make_config,
    make_loop,
    make_split,
    small_head,
)


@pytest.fixture(scope="module")
def splits():
    return make_split(240, seed=1), make_split(100, seed=2)


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def accuracy(logits_VL: torch.Tensor, labels_VL: torch.Tensor) -> float:
    return float((logits_VL.argmax(dim=1) == labels_VL.argmax(dim=1)).float().mean())


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_no_seed_collapses_and_the_target_is_met(tmp_path: Path, splits, seed: int):
    """Eight of 32 timesteps are asked for, four show evidence: the gate keeps them and answers as dense does."""
    training, validation = splits
    context = LocalContext(tmp_path)
    sparsity = SparsityConfig(mode="target_timesteps", target_timesteps=8)
    # With a penalty, the paper's: gates that multiply features are held open by what they are worth.
    head = replace(small_head(), classifier=VideoClassifier.Config())
    config = make_config(tmp_path, head=head, seed=seed, sparsity=sparsity)
    loop = make_loop(config, training, validation, context)
    loop.run()
    assert epochs(context)[-1]["train/timesteps"] == pytest.approx(8, rel=0.25)
    model = loop.module
    model.load_state_dict(loop.best)
    held_out = make_split(100, seed=3)
    with torch.inference_mode():
        seen = model.eval()(held_out.candidates)
    kept = seen.selection.count_B.float()
    assert float(kept.mean()) == pytest.approx(8, rel=0.25)
    assert accuracy(seen.logits_BL, held_out.labels_VL) > 0.9
    same_for_all = (seen.selection.open_BT == seen.selection.open_BT[0]).all()
    assert not same_for_all


@pytest.mark.long
def test_one_anytime_model_answers_well_at_every_budget_and_its_gates_keep_the_target(tmp_path: Path, splits):
    """Of more videos, in as many steps: two timesteps say enough only to who has not learnt 240 videos by heart."""
    context = LocalContext(tmp_path)
    sparsity = SparsityConfig(mode="anytime", budgets=(1, 2, 4, 8), target_timesteps=4)
    config = make_config(tmp_path, sparsity=sparsity, optimisation={"epochs": 20})
    loop = make_loop(config, make_split(480, seed=1), splits[1], context)
    loop.run()
    assert epochs(context)[-1]["train/timesteps"] == pytest.approx((1 + 2 + 4 + 8) / 4, rel=0.3)
    model = loop.module
    model.load_state_dict(loop.best)
    model.eval()
    held_out = make_split(400, seed=3)
    with torch.inference_mode():
        by_budget = {k: model(held_out.candidates, budget=k) for k in (2, 4, 8)}
        by_gates = model(held_out.candidates)
    assert all(accuracy(seen.logits_BL, held_out.labels_VL) > 0.9 for seen in by_budget.values())
    assert float(by_gates.selection.count_B.float().mean()) == pytest.approx(4, rel=0.25)


@pytest.mark.long
@pytest.mark.parametrize(
    ("seed", "weight", "passes"),
    [
        (0, 0.1, 30),
        *(pytest.param(seed, 0.1, 100, marks=pytest.mark.slow) for seed in range(5)),
        *(pytest.param(seed, 0.2, 100, marks=pytest.mark.slow) for seed in range(5)),
    ],
)
def test_the_papers_l0_shuts_most_gates_and_classification_holds_the_others_open(
    tmp_path: Path, splits, seed: int, weight: float, passes: int
):
    """Neither ends all open nor one alone, with nothing but the paper's model and optimiser; it has 100 epochs."""
    sparsity = SparsityConfig(mode="l0_weight", l0_weight=weight)
    config = make_config(tmp_path, head=paper_head(kernels=32), sparsity=sparsity, seed=seed)
    optimisation = replace(paper_optimisation(), epochs=passes, validate_every=10)
    loop = make_loop(replace(config, optimisation=optimisation), *splits, LocalContext(tmp_path))
    loop.run()
    loop.module.load_state_dict(loop.best)
    held_out = make_split(200, seed=3)
    with torch.inference_mode():
        seen = loop.module.eval()(held_out.candidates)
    assert 2 <= float(seen.selection.count_B.float().mean()) <= TIMESTEPS / 2
    assert accuracy(seen.logits_BL, held_out.labels_VL) > 0.9


@pytest.mark.parametrize("gate", ["binary", pytest.param("hard_concrete", marks=pytest.mark.slow)])
def test_the_other_gates_train_as_well(tmp_path: Path, splits, gate: str):
    context, config = LocalContext(tmp_path), make_config(tmp_path, optimisation={"epochs": 12})
    config.head.gating.gate = gate
    make_loop(config, *splits, context).run()
    first, *_, last = losses(context)
    assert last < first / 2


def test_the_same_seed_twice_gives_the_same_losses_bit_for_bit(tmp_path: Path, splits):
    seen = []
    for attempt in ("one", "two", "other"):
        context = LocalContext(tmp_path / attempt)
        config = make_config(tmp_path, optimisation={"epochs": 4}, seed=int(attempt == "other"))
        make_loop(config, *splits, context).run()
        seen.append(losses(context))
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


@pytest.mark.long
def test_a_resumed_run_has_the_losses_of_one_that_was_never_stopped(tmp_path: Path, splits):
    settings = {"epochs": 8, "validate_every": 2}
    config = make_config(tmp_path, optimisation=settings)
    whole = LocalContext(tmp_path / "whole")
    make_loop(config, *splits, whole).run()

    class StoppedError(Exception):
        pass

    class Stopping(LocalContext):
        def emit(self, event):
            super().emit(event)
            if isinstance(event, StepDone) and event.epoch == 5:
                raise StoppedError

    with pytest.raises(StoppedError):
        make_loop(config, *splits, Stopping(tmp_path / "cut")).run()
    resumed = LocalContext(tmp_path / "cut")
    loop = make_loop(config, *splits, resumed)
    loop.run()
    assert isinstance(resumed.events[0], Resumed)
    assert resumed.events[0].epoch == 4
    assert losses(resumed) == losses(whole)[4:]


def test_a_checkpoint_is_kept_every_so_many_steps_also_where_an_epoch_ends_there(tmp_path: Path, splits):
    """Epochs of 8 steps: every 4 and 8 steps, though only two of the epochs are validated."""
    places = []

    class Noting(LocalContext):
        def save(self, metrics, place, fill):
            places.append(place)
            super().save(metrics, place, fill)

    config = make_config(tmp_path, optimisation={"epochs": 3, "validate_every": 2}, checkpoint_every=4)
    make_loop(config, *splits, Noting(tmp_path)).run()
    assert places == [(0, 4), (1, 0), (1, 4), (2, 0), (2, 4), (3, 0)]


@pytest.mark.parametrize("step", [5, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 7))])
def test_a_run_cut_off_within_an_epoch_goes_on_there_bit_for_bit(tmp_path: Path, splits, step: int):
    """Checkpoints every 3 steps of 8 an epoch: none is lost, none done twice, and the losses are the same."""
    config = make_config(tmp_path, optimisation={"epochs": 4, "validate_every": 1}, checkpoint_every=3)
    whole = LocalContext(tmp_path / "whole")
    make_loop(config, *splits, whole).run()

    class CutError(Exception):
        pass

    class Cut(LocalContext):
        def emit(self, event):
            super().emit(event)
            if isinstance(event, StepDone) and (event.epoch, event.step) == (2, step):
                raise CutError

    with pytest.raises(CutError):
        make_loop(config, *splits, Cut(tmp_path / "cut")).run()
    resumed = LocalContext(tmp_path / "cut")
    make_loop(config, *splits, resumed).run()
    # That of a validation, at the end of an epoch, or one of every third step after it.
    newest = max(2 * 8, (2 * 8 + step - 1) // 3 * 3)
    began = resumed.events[0]
    assert isinstance(began, Resumed)
    assert 8 * began.epoch + began.step == newest
    steps = [(event.epoch, event.step) for event in resumed.events if isinstance(event, StepDone)]
    assert steps == [(e, s) for e in range(1, 4) for s in range(1, 9) if 8 * e + s > newest]
    names = ("train/loss", "train/accuracy", "train/timesteps", "train/videos", "validation/score")
    tail = [{name: metrics[name] for name in names} for metrics in epochs(whole)[began.epoch :]]
    assert [{name: metrics[name] for name in names} for metrics in epochs(resumed)] == tail


@pytest.mark.parametrize("step", [5, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 8))])
def test_a_run_told_to_stop_keeps_that_very_step_and_goes_on_bit_for_bit(tmp_path: Path, splits, step: int):
    """Also at the last step of an epoch, before its validation."""
    config = make_config(tmp_path, optimisation={"epochs": 3, "validate_every": 1})
    whole = LocalContext(tmp_path / "whole")
    make_loop(config, *splits, whole).run()

    class Stopped(LocalContext):
        def should_stop(self):
            return (self.events[-1].epoch, self.events[-1].step) == (1, step)

    stopped = Stopped(tmp_path / "stopped")
    make_loop(config, *splits, stopped).run()
    assert (stopped.events[-1].epoch, stopped.events[-1].step) == (1, step)
    assert stopped.saved().name == name_of((1, step))
    resumed = LocalContext(tmp_path / "stopped")
    make_loop(config, *splits, resumed).run()
    assert [row["train/loss"] for row in resumed.events[0].history] == losses(whole)[:1]
    assert losses(resumed) == losses(whole)[1:]


def losses(context: LocalContext) -> list[float]:
    return [metrics["train/loss"] for metrics in epochs(context)]


def test_a_run_that_goes_on_keeps_the_model_it_started_from_unless_it_finds_a_better_one(
    tmp_path: Path, splits
):
    config = make_config(tmp_path, optimisation={"epochs": 10})
    first = make_loop(config, *splits, LocalContext(tmp_path / "first"))
    first.run()
    ruinous = {"epochs": 1, "learning_rate": 0.3}
    later = make_config(tmp_path, optimisation=ruinous, start_from=(str(tmp_path),))
    loop = make_loop(later, *splits, LocalContext(tmp_path / "later"), start=first.best)
    loop.run()
    assert isinstance(loop.context.events[0], StartValidated)
    assert loop.progress.best.epoch == -1
    assert torch.equal(loop.best["classifier.mlp.0.weight"], first.best["classifier.mlp.0.weight"])
    assert not torch.equal(loop.module.classifier.mlp[0].weight, first.best["classifier.mlp.0.weight"])


@pytest.mark.parametrize("rate", [1e3, 1e10, 1e20, 1e30])
def test_training_that_diverges_says_so_and_what_to_do(tmp_path: Path, splits, rate):
    config = make_config(tmp_path, optimisation={"epochs": 2, "learning_rate": rate})
    with pytest.raises(
        DivergedError, match=rf"lower optimisation\.learning_rate \({re.escape(f'{rate:g}')}\)"
    ):
        make_loop(config, *splits, LocalContext(tmp_path)).run()


def test_references_see_what_they_are_meant_to(tmp_path: Path, splits):
    for selection, expected in (("dense", {TIMESTEPS}), ("random", {1, 2, 4, 8, 16, 32})):
        context = LocalContext(tmp_path / selection)
        config = make_config(tmp_path, selection=selection, optimisation={"epochs": 1})
        source = make_loop(config, *splits, context).source
        sizes = {int(count) for batch in source.training(0) for count in batch.open_BT.sum(dim=1)}
        assert sizes == expected
    assert EVIDENCE < TIMESTEPS


def test_a_rejected_video_does_not_count(tmp_path: Path, splits):
    """The loss of a step with a video of weight 0 is the loss of the step without it."""
    context, config = LocalContext(tmp_path), make_config(tmp_path, optimisation={"epochs": 1})
    loop = make_loop(config, *splits, context)
    loop.module.eval()
    batch = next(iter(loop.source.training(0)))
    weight_B = torch.ones(len(batch.video_ids))
    weight_B[::2] = 0
    before = {name: tensor.clone() for name, tensor in loop.module.state_dict().items()}
    counted = loop.trainer.step(0, 0, replace(batch, weight_B=weight_B))
    loop.module.load_state_dict(before)
    kept = weight_B > 0
    fewer = replace(
        batch,
        weight_B=weight_B[kept],
        labels_BL=batch.labels_BL[kept],
        noise_BT=batch.noise_BT[kept],
        candidates=replace(
            batch.candidates,
            light_BTC=batch.candidates.light_BTC[kept],
            heavy_BTC=batch.candidates.heavy_BTC[kept],
            valid_BT=batch.candidates.valid_BT[kept],
        ),
    )
    assert torch.allclose(loop.trainer.step(0, 0, fewer).tensor(), counted.tensor(), rtol=1e-5)


@pytest.mark.long
def test_gates_that_collapse_are_told_while_training(tmp_path: Path, splits):
    """A fixed weight a hundred times too large shuts every gate; the default mode does not."""
    told = {}
    for mode in ("l0_weight", "anytime"):
        context = LocalContext(tmp_path / mode)
        sparsity = SparsityConfig(mode=mode, l0_weight=50.0)
        config = make_config(tmp_path, sparsity=sparsity, optimisation={"epochs": 12, "validate_every": 2})
        make_loop(config, *splits, context).run()
        told[mode] = [event.reason for event in context.events if isinstance(event, Collapsed)]
    assert told["anytime"] == []
    assert "shut in every video" in told["l0_weight"][-1]


@pytest.mark.parametrize("mode", ["anytime", "l0_weight"])
def test_a_step_taken_in_parts_has_the_gradients_of_one_taken_whole(tmp_path: Path, splits, mode: str):
    """One step without dropout, of batches that do not divide evenly.

    Adam's epsilon is large: with a small one a first step knows signs only, those of rounding errors included.
    """
    weights = []
    for parts in (1, 3):
        head = small_head()
        head.classifier.dropout = 0.0
        optimisation = {"epochs": 1, "batch_size": 120, "accumulate": parts, "adam_epsilon": 1e-2}
        sparsity = SparsityConfig(mode=mode)
        config = make_config(tmp_path, head=head, sparsity=sparsity, optimisation=optimisation)
        loop = make_loop(config, *splits, LocalContext(tmp_path / f"{mode}{parts}"))
        loop.run()
        weights.append({name: p.detach().clone() for name, p in loop.module.named_parameters()})
    for name, whole in weights[0].items():
        assert torch.allclose(weights[1][name], whole, atol=1e-6), name


def test_more_parts_than_videos_are_refused(tmp_path: Path, splits):
    config = make_config(tmp_path, optimisation={"batch_size": 8, "accumulate": 9})
    with pytest.raises(ConfigError, match=r"optimisation\.accumulate"):
        make_loop(config, *splits, LocalContext(tmp_path))


def test_with_an_l0_weight_training_goes_on_while_it_gets_sparser(tmp_path: Path, splits):
    """Its scores are at their highest long before its gates have shut: what it keeps still falls."""
    config = make_config(
        tmp_path,
        head=paper_head(kernels=16),
        sparsity=SparsityConfig(mode="l0_weight", l0_weight=0.1),
        optimisation={"epochs": 40, "validate_every": 2, "patience": 3},
    )
    context = LocalContext(tmp_path)
    make_loop(config, *splits, context).run()
    seen = [row for row in epochs(context) if "validation/score" in row]
    scores = [row["validation/score"] for row in seen]
    highest = scores.index(max(scores))
    kept = epochs(context)[seen[-1]["validation/best_epoch"]]
    assert len(seen) > highest + 1 + 3
    assert kept["validation/timesteps"] < seen[highest]["validation/timesteps"] / 2


def test_training_ends_when_validation_finds_nothing_better(tmp_path: Path, splits):
    """With a rate of 0 nothing ever changes: the first validation is the best, and two more are waited for."""
    still = {"learning_rate": 0.0, "validate_every": 2}
    config = make_config(tmp_path, optimisation={**still, "epochs": 30, "patience": 2})
    context = LocalContext(tmp_path / "run")
    make_loop(config, *splits, context).run()
    assert len(epochs(context)) == 6
    assert isinstance(context.events[-1], PatienceSpent)
    again = LocalContext(tmp_path / "run")
    make_loop(config, *splits, again).run()
    assert epochs(again) == []
