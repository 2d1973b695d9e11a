"""The benchmark of additions: what is compared, and how differences are paired."""

from dataclasses import replace

import pytest
import torch

from benchmarks.additions.__main__ import AdditionsConfig, run
from benchmarks.additions.measure import GATE, KEPT, Point, Row, _points, _row
from benchmarks.additions.reduced import reduced
from benchmarks.additions.report import JUDGED, gain, markdown, on_test, verdicts
from benchmarks.additions.variants import ADDITIONS, ALL_BUT, VARIANTS, everything, paper, with_additions
from benchmarks.selectors.fitting import fit
from benchmarks.selectors.recipe import Recipe
from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig
from tests.benchmarks.selectors.test_peers import splits  # noqa: F401  (a fixture)
from tests.training.synthetic_features import CLASSES, HEAVY, LIGHT, TIMESTEPS, make_split


def whole(head: HeadConfig) -> dict[str, torch.Tensor]:
    """Scores and logits of a model with this head on some features, from seeded weights."""
    torch.manual_seed(0)
    model = VideoEpitoma(head, light_channels=LIGHT, heavy_channels=HEAVY, classes=CLASSES).eval()
    seen = model(make_split(8, seed=1).candidates, budget=4)
    return {"alpha": seen.selection.alpha_BT, "logits": seen.logits_BL}


@pytest.mark.parametrize(("names", "head"), [((), paper().head), (ADDITIONS, everything().head)])
def test_nothing_added_is_the_papers_head_and_everything_added_is_ours(names, head):
    base = paper() if not names else everything()
    made, expected = whole(with_additions(*names, base=base).head), whole(head)
    assert all(torch.equal(made[key], expected[key]) for key in expected)


def test_all_but_one_lacks_that_one_and_has_the_others():
    for name, variant in ALL_BUT.items():
        missing = name.removeprefix("all_but_")
        found = {
            "embedding": variant.head.selector.embedding and variant.head.classifier.embedding,
            "saliency": variant.head.selector.saliency,
            "layer_norm": variant.head.selector.layer_norm,
            "normalised_gates": variant.head.classifier.normalised,
            "anytime": variant.sparsity.mode == "anytime",
            "clipping": variant.optimisation.gradient_norm is not None,
        }
        assert [each for each, there in found.items() if not there] == [missing]


@pytest.mark.parametrize("name", ["paper", "all", "embedding", "target"])
def test_a_variant_is_trained_and_asked_for_every_number_of_timesteps(splits, name):  # noqa: F811
    variant = VARIANTS[name]
    recipe = Recipe(
        steps=8,
        candidates=TIMESTEPS,
        validations=1,
        optimisation=replace(variant.optimisation, batch_size=50),
    )
    model = fit(splits, recipe, variant.plan, seed=0)
    with torch.inference_mode():
        points = _points(model, splits)
    assert [point.timesteps for point in points] == [*KEPT, GATE]
    assert all(point.kept == point.timesteps for point in points[:-1])
    assert 1 <= points[-1].kept <= TIMESTEPS


def test_differences_are_paired_seed_by_seed():
    def seed(score: float) -> list[Point]:
        return [Point(timesteps=4, kept=4, validation=score, test=score + 0.1)]

    row = _row("set", "it", 0, [seed(0.5), seed(0.8), seed(0.6)], [seed(0.4), seed(0.7), seed(0.5)])
    assert (row.validation, row.mean) == (pytest.approx(1.9 / 3), pytest.approx(1.9 / 3 + 0.1))
    assert row.ahead == pytest.approx(0.1)
    assert row.ahead_error == pytest.approx(0, abs=1e-9)
    assert row.std == pytest.approx(0.1528, abs=1e-3)


def test_fewer_channels_keep_what_features_vary_by(splits):  # noqa: F811
    """All of it where there are as many as before, and most of it, found on training videos, where there are fewer."""
    whole = splits.training.split.heavy_VTC
    same, fewer = (reduced(splits, channels).training.split.heavy_VTC for channels in (HEAVY, 20))
    centred_NC = (whole - whole.mean(dim=(0, 1))).flatten(0, 1)
    same_NC = (same - same.mean(dim=(0, 1))).flatten(0, 1)
    assert torch.allclose(same_NC @ same_NC[:50].T, centred_NC @ centred_NC[:50].T, atol=1e-2)
    assert fewer.shape[2] == 20
    assert float(fewer.var(dim=(0, 1)).sum()) > 0.7 * float(whole.var(dim=(0, 1)).sum())
    assert reduced(splits, 8).test.split.light_VTC.shape[2] == 8


def test_a_name_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no variant nothing"):
        run(AdditionsConfig(variants=("nothing",), footage=tmp_path, work=tmp_path))
    with pytest.raises(ConfigError, match="no dataset elsewhere"):
        run(AdditionsConfig(only=("elsewhere",), footage=tmp_path, work=tmp_path))


def test_the_table_has_a_line_for_each_model():
    rows = [
        _row("set", name, place, [[*points]], [[*points]])
        for name in ("paper", "all")
        for place, points in [(at, made_points()) for at in range(len(KEPT) + 1)]
    ]
    lines = markdown(rows, "set").splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["paper", "all"]


def test_selectors_are_compared_on_test_by_the_names_they_are_given():
    rows = [
        _row("set", name, place, [made_points()], [made_points()])
        for name in ("paper", "all", "target")
        for place in range(len(KEPT) + 1)
    ]
    header, _, *lines = on_test(rows, {"all": "ours"}).splitlines()
    assert header.count("T' =") == len(KEPT)
    expected = " | ".join(f"{row.mean:.3f} ± 0.000" for row in rows if row.model == "all" and row.timesteps)
    assert lines == [f"| set | ours | {expected} |"]


def test_an_addition_is_judged_on_validation_over_seeds_and_folds_together():
    """Ahead by 0.2, 0.1, 0.1 and 0.0 is 0.1 +- 0.041; ahead by 0.1 on three seeds of four is not enough."""

    def rows(dataset: str, model: str, scores: tuple[float, ...]) -> list[Row]:
        return [
            _row(dataset, model, 0, points, points)
            for kept in JUDGED
            for points in [
                [[Point(timesteps=kept, kept=kept, validation=score, test=0.0)] for score in scores]
            ]
        ]

    measured = [
        *rows("a_fold0", "paper", (0.5, 0.6)),
        *rows("a_fold1", "paper", (0.7, 0.7)),
        *rows("b", "paper", (0.5, 0.5)),
        *rows("a_fold0", "new", (0.7, 0.7)),
        *rows("a_fold1", "new", (0.8, 0.7)),
        *rows("b", "new", (0.5, 0.6)),
        *rows("a_fold0", "worse", (0.4, 0.6)),
    ]
    assert gain(measured, "a", "new", above="paper") == (pytest.approx(0.1), pytest.approx(0.1 / 6**0.5))
    assert gain(measured, "b", "new", above="paper") == (pytest.approx(0.05), pytest.approx(0.05))
    assert gain(measured, "b", "worse", above="paper") is None
    lines = {line.split("|")[1].strip(): line for line in verdicts(measured).splitlines()[2:]}
    assert lines["new"].endswith("| +0.100 +- 0.041 | +0.050 +- 0.050 |  |  | yes |")
    assert lines["worse"].endswith("| -0.050 +- 0.050 |  |  |  | no |")


def test_an_addition_that_shows_in_company_alone_is_ahead():
    def rows(model: str, scores: tuple[float, ...]) -> list[Row]:
        found = [[Point(timesteps=4, kept=4, validation=score, test=0.0)] for score in scores]
        return [replace(_row("b", model, 0, found, found), timesteps=kept) for kept in JUDGED]

    measured = [
        *rows("paper", (0.1, 0.1)),
        *rows("it", (0.1, 0.1)),
        *rows("all", (0.8, 0.9)),
        *rows("all_but_it", (0.5, 0.7)),
    ]
    (line, all_together) = verdicts(measured).splitlines()[2:]
    assert line == "| it | +0.000 +- 0.000 | +0.250 +- 0.050 | yes |"
    assert all_together.startswith("| all | +0.750 +- 0.050 |")


def made_points() -> list[Point]:
    return [Point(timesteps=kept, kept=kept or 3.0, validation=0.5, test=0.4) for kept in (*KEPT, GATE)]


def test_the_papers_and_the_whole_are_the_projects_own():
    assert paper().sparsity.mode == "l0_weight"
    assert everything().optimisation == OptimisationConfig()
    assert everything().sparsity == SparsityConfig()
