"""What a sweep found: chosen on validation, measured on test, against uniform sampling with as many tries."""

from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.core.errors import BAD_INPUT, TRY_AGAIN, RunError
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.sweeps.result import SweepResult, read_sweep
from epitoma.sweeps.trial import ERROR_FILE, TrialError, TrialResult, read_error, write_error, write_result

POINT = TradeoffPoint(
    sampling="selector",
    classifier="own",
    candidates=4,
    budget=1,
    timesteps=1.0,
    score=0.5,
    gmacs_light=1.0,
    gmacs_heavy=1.0,
    gmacs_classifier=0.0,
    selection_precision=None,
    milliseconds=10.0,
)


def selector(budget: int, score: float, gmacs: float) -> TradeoffPoint:
    return replace(POINT, budget=budget, timesteps=float(budget), score=score, gmacs_heavy=gmacs - 1)


def uniform(budget: int, score: float, gmacs: float, classifier: str = "own") -> TradeoffPoint:
    free = replace(POINT, gmacs_light=0.0, sampling="uniform", classifier=classifier)
    return replace(free, budget=budget, timesteps=float(budget), score=score, gmacs_heavy=gmacs)


def trial(name: str, validation: list[TradeoffPoint], test: list[TradeoffPoint]) -> TrialResult:
    return TrialResult(
        trial=name, changes={"a": 1}, points={"validation": validation, "test": test}, videos=80, seconds=1.0
    )


@pytest.fixture
def result() -> SweepResult:
    gate = replace(selector(2, 0.7, 3), sampling="gate", budget=2, timesteps=2.4)
    first = trial(
        "first",
        [selector(1, 0.6, 2), selector(2, 0.8, 3), gate, uniform(1, 0.3, 1)],
        [selector(1, 0.5, 2), selector(2, 0.9, 3), replace(gate, budget=3), uniform(1, 0.2, 1)],
    )
    second = trial(
        "second",
        [selector(1, 0.9, 4), replace(gate, score=0.1), uniform(2, 0.5, 2)],
        [selector(1, 0.7, 4), replace(gate, score=0.99), uniform(2, 0.4, 2)],
    )
    reference = trial(
        "uniform_dense",
        [uniform(1, 0.35, 1, "reference"), uniform(4, 0.6, 4, "reference")],
        [uniform(1, 0.25, 1, "reference"), uniform(4, 0.6, 4, "reference")],
    )
    return SweepResult(trials=[first, second], references=[reference])


def test_the_front_is_chosen_on_validation_and_tells_the_test_score(result):
    rows = [offer.of.row() for offer in result.front()]
    assert [(row["trial"], row["sampling"], row["budget"], row["gmacs"]) for row in rows] == [
        ("first", "uniform", 1, 1.0),
        ("first", "selector", 1, 2.0),
        ("first", "selector", 2, 3.0),
        ("second", "selector", 1, 4.0),
    ]
    assert [row["validation_score"] for row in rows] == [0.3, 0.6, 0.8, 0.9]
    assert [row["test_score"] for row in rows] == [0.2, 0.5, 0.9, 0.7], "a better test score chooses nothing"


def test_uniform_sampling_has_the_best_of_all_classifiers(result):
    rows = [offer.of.row() for offer in result.uniform_front()]
    assert [(row["trial"], row["budget"]) for row in rows] == [
        ("uniform_dense", 1),
        ("second", 2),
        ("uniform_dense", 4),
    ]


def test_hypervolume_and_who_is_not_dominated_are_as_measured(result):
    ours, theirs = 0.2 * 1 + 0.5 * 1 + 0.9 * 1, 0.25 * 1 + 0.4 * 2
    assert result.hypervolume_ratio() == pytest.approx(ours / theirs)
    summary = result.summary()
    assert [row["gmacs"] for row in summary["uniform_not_dominated"]] == [1.0]
    assert summary["knee"] == result.best.row()
    assert summary["trials"] == 2


def test_a_gate_is_the_same_choice_whatever_it_keeps_on_the_other_split(result):
    gates = [point for point in result.trials[0].points["validation"] if point.sampling == "gate"]
    alone = replace(result, trials=[trial("g", gates, result.trials[0].points["test"])])
    assert alone.front()[0].of.test.budget == 3


def test_uniform_sampling_that_is_never_right_gives_no_ratio(result):
    points = [POINT, uniform(1, 0.0, 1)]
    alone = replace(result, trials=[trial("t", points, points)], references=[])
    assert alone.hypervolume_ratio() is None


def test_a_sweep_is_read_from_its_trials(result, tmp_path: Path):
    for each in (*result.trials, *result.references):
        write_result(tmp_path / "trials" / each.trial, each)
    (tmp_path / "trials" / "unfinished").mkdir()
    assert read_sweep(tmp_path) == result
    with pytest.raises(RunError, match="no sweep at"):
        read_sweep(tmp_path / "trials")


def test_a_sweep_without_a_result_says_why(tmp_path: Path):
    for name in ("t1", "t2"):
        (tmp_path / "trials" / name).mkdir(parents=True)
    with pytest.raises(RunError, match=r"no trial of the sweep .* has a result yet"):
        read_sweep(tmp_path)
    for name in ("t1", "t2"):
        (tmp_path / "trials" / name / ERROR_FILE).write_text(
            "DivergedError: training diverged, lower it (1e+30)\n"
        )
    with pytest.raises(
        RunError, match=r"2 trials failed, t1 with DivergedError: .* lower it .* error\.txt"
    ) as told:
        read_sweep(tmp_path)
    assert told.value.exit_code == BAD_INPUT, "the files are of an earlier version"


@pytest.mark.parametrize(
    ("codes", "named", "code"),
    [
        ((TRY_AGAIN, TRY_AGAIN), "t0", TRY_AGAIN),
        ((TRY_AGAIN, BAD_INPUT), "t1", BAD_INPUT),
        ((TRY_AGAIN, 1), "t1", BAD_INPUT),
        ((TRY_AGAIN, None), "t1", BAD_INPUT),
    ],
)
def test_a_sweep_without_a_result_may_be_run_again_if_all_its_trials_may(tmp_path: Path, codes, named, code):
    """What is named is what must be changed, if anything must."""
    for number, each in enumerate(codes):
        write_error(tmp_path / "trials" / f"t{number}", TrialError(f"Fault: no. {number}", each))
    with pytest.raises(RunError, match=rf"has no result: 2 trials failed, {named} with Fault: no\. ") as told:
        read_sweep(tmp_path)
    assert told.value.exit_code == code
    assert ("--resume" in str(told.value)) == (code == TRY_AGAIN)


@pytest.mark.parametrize("code", [2, 75, None])
def test_an_error_is_kept_with_its_exit_code(tmp_path: Path, code):
    assert read_error(tmp_path) is None
    write_error(tmp_path, TrialError("OSError: caf\udce9.mp4 is odd", code))
    assert read_error(tmp_path) == TrialError("OSError: caf\\xe9.mp4 is odd", code)
    first, *_ = (tmp_path / ERROR_FILE).read_text().splitlines()
    assert first == "OSError: caf\\xe9.mp4 is odd"


@pytest.mark.parametrize("text", ["", "\n", "Fault\nexit code\n", "Fault\nexit code x", "Fault\n75\n"])
def test_an_error_without_an_exit_code_has_none(tmp_path: Path, text):
    (tmp_path / ERROR_FILE).write_text(text)
    error = read_error(tmp_path)
    assert error is not None
    assert error.exit_code is None
    assert error.reason == text.strip().split("\n")[0]
