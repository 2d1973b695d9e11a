"""Studies by hand: which runs are one setting, which classifier serves, and what is compared with the paper."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from epitoma.core.errors import RunError
from epitoma.datasets import breakfast
from epitoma.evaluation.choices import Choices, agreement, read_choices, write_choices
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.studies.ablation import ablation, setting_name
from epitoma.studies.class_ratios import figure5, figure6
from epitoma.studies.measured_run import MeasuredRun, read_measured
from epitoma.studies.rows import best_points, study_rows
from epitoma.studies.sampling import figure7, off_the_shelf, table2
from epitoma.studies.tables import score_table
from epitoma.studies.time_scales import figure8
from epitoma.training.run_config import TrainConfig
from tests.studies.made_runs import TIMESTEPS, made_choices, point, write_run


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        manifest=tmp_path / "kitchen" / "manifest.parquet", name="run_0", runs=tmp_path, timesteps=TIMESTEPS
    )


def seeds(config: TrainConfig, scores: list[float], **changes) -> list[MeasuredRun]:
    """Runs that keep 4 timesteps with these scores, one a seed."""
    runs = []
    for seed, score in enumerate(scores):
        each = replace(config, name=f"{config.name[:-1]}{seed}", seed=seed, **changes)
        points = [point("selector", 4, score), point("uniform", 4, 0.3), point("gate", 5, score)]
        runs.append(read_measured(write_run(each, {"test": points})))
    return runs


def test_runs_that_differ_by_seed_are_one_setting_with_mean_and_deviation(config):
    rows = study_rows("s", "all", seeds(config, [0.5, 0.7]), samplings=("selector", "gate"))
    selector, gate = rows
    assert (selector.mean, selector.seeds, selector.timesteps) == (pytest.approx(0.6), 2, 4)
    assert selector.std == pytest.approx(0.1414, abs=1e-3)
    assert (gate.sampling, gate.timesteps, gate.published) == ("gate", 5, None)
    assert selector.dataset == "kitchen"


def test_validation_says_which_classifier_serves_a_way(config):
    own = [point("uniform", 4, 0.9), point("uniform", 8, 0.2)]
    other = [
        point("uniform", 4, 0.1, classifier="reference"),
        point("uniform", 8, 0.8, classifier="reference"),
    ]
    test = [replace(each, score=each.score / 2) for each in (*own, *other)]
    run = read_measured(write_run(config, {"validation": [*own, *other], "test": test}))
    best = best_points([run])
    assert best["uniform", 4].score == 0.45
    assert best["uniform", 8].score == 0.4


def test_a_plain_classifier_of_the_same_seed_may_serve_uniform_sampling(config):
    plain = replace(config, name="plain", selection="dense")
    ways = {
        "selector": [point("uniform", 4, 0.4), point("selector", 4, 0.5)],
        "plain": [point("uniform", 4, 0.7)],
    }
    runs = [
        read_measured(write_run(each, {"validation": ways[name], "test": ways[name]}))
        for each, name in ((config, "selector"), (plain, "plain"))
    ]
    rows = study_rows("s", "both", runs, samplings=("selector", "uniform"))
    assert {row.sampling: row.mean for row in rows} == {"uniform": 0.7, "selector": 0.5}


def test_roles_are_told_from_what_was_asked(config):
    light = NetworksConfig(light=LightNet.Config(name="x", size=32), heavy=HeavyNet.Config(name="x", size=32))
    roles = {
        "stand-alone": replace(config, networks=light),
        "frozen": config,
        "end-to-end": replace(config, source="pixels"),
        "plain": replace(config, selection="dense"),
    }
    for role, each in roles.items():
        assert (
            read_measured(write_run(replace(each, name=role), {"test": [point("uniform", 1, 0.1)]})).role
            == role
        )


@pytest.mark.parametrize(("best", "role"), [(-1, "frozen"), (0, "end-to-end")])
def test_a_run_that_kept_the_model_it_started_from_is_not_end_to_end(config, best, role):
    """Whatever the scores: with an L0 weight a start with a lower score is kept if it is sparser."""
    end_to_end = replace(config, name="kept", source="pixels")
    folder = write_run(end_to_end, {"test": [point("uniform", 1, 0.1)]})
    epochs = [{"epoch": 0, "validation/score": 0.92, "validation/best_epoch": best}, {"epoch": 1}]
    write_json(folder / "history.json", {"epochs": epochs, "start_score": 0.9})
    assert read_measured(folder).role == role


def test_the_papers_numbers_stand_beside_its_own_dataset_only(config):
    i3d = replace(config, networks=NetworksConfig(heavy=HeavyNet.Config(name="i3d")))
    points = {"test": [point("selector", 8, 0.7, candidates=16), point("uniform", 16, 0.6)]}
    ours = read_measured(write_run(replace(i3d, name="kitchen_0"), points))
    theirs = read_measured(write_run(i3d, points, classes=breakfast.CLASSES))
    assert [row.published for row in table2([ours])] == [None, None]
    assert [row.published for row in table2([theirs])] == [0.7811, 0.7691]
    assert "(paper 0.781)" in score_table(table2([theirs]))


def test_several_datasets_are_refused(config):
    other = replace(config, manifest=config.manifest.parent.parent / "garden" / "m.parquet", name="other_0")
    with pytest.raises(RunError, match="garden, kitchen"):
        table2([*seeds(config, [0.5]), *seeds(other, [0.5])])


def test_figure7_has_a_curve_with_and_one_without_the_selector(config):
    rows = figure7(seeds(config, [0.5]))
    assert {(row.sampling, round(row.gmacs, 2)) for row in rows} == {("selector", 0.91), ("uniform", 0.91)}


def test_another_runs_selector_is_measured_with_the_plain_classifier(config):
    plain = replace(config, name="plain_0", selection="dense")
    alone, served = [point("uniform", 4, 0.4)], [point("uniform", 4, 0.4), point("selector", 4, 0.6)]
    run = read_measured(write_run(plain, {"test": alone, "test_selector_of_light_0": served}))
    assert {row.sampling: row.mean for row in off_the_shelf([run])} == {"uniform": 0.4, "selector": 0.6}
    with pytest.raises(RunError, match="--selector-from"):
        off_the_shelf(seeds(config, [0.5]))


def test_figure8_keeps_half_of_each_time_scale(config):
    def ways(scale: int) -> list:
        budgets = (scale // 4, scale // 2, scale)
        points = [
            point(way, k, k / 100, candidates=scale) for way in ("selector", "uniform") for k in budgets
        ]
        return [*points, point("dense", scale, 0.9, candidates=scale)]

    folder = write_run(config, {"test": ways(16), "test_among_4": ways(4), "test_among_8": ways(8)})
    (folder / "evaluation_test_among_8_selector_of_x").mkdir()
    rows = figure8([read_measured(folder)])
    assert [(row.setting, row.sampling, row.timesteps) for row in rows] == [
        (str(scale), way, kept)
        for scale in (4, 8, 16)
        for way, kept in (("selector", scale / 2), ("uniform", scale / 2), ("dense", scale))
    ]


def test_figure8_without_other_scales_says_how_to_get_them(config):
    with pytest.raises(RunError, match="--candidates"):
        figure8(seeds(config, [0.5]))


def test_ablation_names_settings_by_their_runs(config):
    paper = replace(config, name="paper_0", sparsity=replace(config.sparsity, mode="l0_weight"))
    rows = ablation([*seeds(config, [0.5, 0.7]), *seeds(paper, [0.2, 0.4])])
    means = {row.setting: row.mean for row in rows if row.sampling == "selector"}
    assert means == {"run": pytest.approx(0.6), "paper": pytest.approx(0.3)}


@pytest.mark.parametrize(
    ("run", "name"), [("soft_0", "soft"), ("kernels_8_seed2", "kernels_8"), ("7", "7"), ("a-1", "a")]
)
def test_setting_names(run: str, name: str):
    assert setting_name(run) == name


def scores(videos: int, seed: int) -> torch.Tensor:
    return torch.rand(videos, TIMESTEPS, generator=torch.Generator().manual_seed(seed))


def test_choices_come_back_as_they_were_written(tmp_path: Path):
    choices = made_choices(scores(6, 0))
    write_choices(tmp_path / "choices.parquet", choices)
    again = read_choices(tmp_path / "choices.parquet")
    assert (again.video_ids, again.labels) == (choices.video_ids, choices.labels)
    assert torch.equal(again.alpha_VT, choices.alpha_VT)
    assert torch.equal(again.open_VT, choices.open_VT)


def test_agreement_is_1_with_itself_and_chance_with_another():
    one, other = made_choices(scores(400, 0)), made_choices(scores(400, 1))
    assert agreement(one, one, budget=4) == 1
    assert agreement(one, other, budget=4) == pytest.approx(4 / TIMESTEPS, abs=0.03)
    with pytest.raises(RunError, match="400 videos among 16"):
        agreement(one, made_choices(scores(3, 0)), budget=4)


def uneven(*, by_class: bool) -> Choices:
    """Two, four or six of sixteen timesteps open by class, or four in all."""
    open_VT = torch.zeros(30, TIMESTEPS, dtype=torch.bool)
    for video in range(30):
        open_VT[video, : (2 + 2 * (video % 3)) if by_class else 4] = True
    return replace(made_choices(scores(30, 5)), open_VT=open_VT)


def test_figure6_tells_the_variance_over_classes(config):
    frame = replace(config, name="frame_0")
    frame.head.selector.context = False
    runs = []
    for each, by_class in ((replace(config, name="context_0"), True), (frame, False)):
        each = replace(each, head=replace(each.head, selector=replace(each.head.selector, context=by_class)))
        runs.append(
            read_measured(
                write_run(each, {"test": [point("gate", 4, 0.5)]}, choices=uneven(by_class=by_class))
            )
        )
    study = figure6(runs)
    ratios = {(each.setting, each.label): each.mean for each in study.ratios}
    assert ratios["context-conditioned", "carve"] == pytest.approx(6 / 16)
    expected = ((2 / 16) ** 2 + 0 + (2 / 16) ** 2) / 3
    assert study.variances["context-conditioned"] == pytest.approx(expected)
    assert study.variances["frame-conditioned"] == pytest.approx(0)


def test_figure5_needs_selectors(config):
    with pytest.raises(RunError, match="no choices"):
        figure5(seeds(config, [0.5]))
    run = read_measured(
        write_run(config, {"test": [point("gate", 4, 0.5)]}, choices=made_choices(scores(9, 0)))
    )
    assert figure5([run]).agreements == {("frozen, resnet50", "frozen, resnet50"): 1}


def test_a_run_that_was_not_evaluated_says_how(config):
    with pytest.raises(RunError, match="no finished run"):
        read_measured(config.folder)
    with pytest.raises(RunError, match=r"ray_jobs\.evaluate"):
        read_measured(write_run(config, {"validation": [point("gate", 4, 0.5)]}))
