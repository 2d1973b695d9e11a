"""What a run's audit finds lost or repeated."""

import json
from pathlib import Path

import pytest

from epitoma.core.errors import StorageError
from epitoma.training.audit import Audit, AuditedSource, audit, notes
from epitoma.training.context import LocalContext
from tests.training.synthetic_features import make_config, make_loop, make_split


def note(folder: Path, *, attempt: int, rank: int, steps: dict[tuple[int, int], list[str]]) -> None:
    place = folder / "audit" / f"{attempt}_{rank}.jsonl"
    place.parent.mkdir(exist_ok=True)
    lines = [
        json.dumps({"attempt": attempt, "epoch": epoch, "step": step, "videos": videos})
        for (epoch, step), videos in steps.items()
    ]
    place.write_text("\n".join(lines) + "\n")


def test_all_is_well_where_each_video_is_seen_once_an_epoch(tmp_path):
    for rank, videos in enumerate((["a"], ["b"])):
        note(tmp_path, attempt=1, rank=rank, steps={(0, 0): videos, (1, 0): videos})
    assert audit(tmp_path, ["a", "b"], epochs=2) == Audit(lost=[], repeated=[], attempts=1)


def test_what_is_lost_and_what_is_repeated_is_named(tmp_path):
    note(tmp_path, attempt=1, rank=0, steps={(0, 0): ["a"], (0, 1): ["a"], (1, 0): ["b"]})
    found = audit(tmp_path, ["a", "b"], epochs=2)
    assert found.lost == [(0, "b"), (1, "a")]
    assert found.repeated == [(0, "a")]


def test_a_step_that_was_done_again_counts_once_and_with_its_last_workers(tmp_path):
    note(tmp_path, attempt=1, rank=0, steps={(0, 0): ["a"], (0, 1): ["b"]})
    note(tmp_path, attempt=1, rank=1, steps={(0, 0): ["c"], (0, 1): ["d"]})
    note(tmp_path, attempt=2, rank=0, steps={(0, 1): ["b", "d"]})
    assert audit(tmp_path, ["a", "b", "c", "d"], epochs=1) == Audit(lost=[], repeated=[], attempts=2)


def test_a_restart_that_skips_a_step_of_an_attempt_that_was_thrown_away_loses_its_videos(tmp_path):
    """The second attempt goes on after the first step, but not with the second."""
    note(tmp_path, attempt=1, rank=0, steps={(0, 0): ["a"], (0, 1): ["b"], (0, 2): ["c"]})
    note(tmp_path, attempt=2, rank=0, steps={(0, 1): ["d"], (0, 3): ["e"]})
    assert audit(tmp_path, list("abcde"), epochs=1).lost == [(0, "b"), (0, "c")]


def test_a_line_that_a_killed_worker_left_torn_is_no_step(tmp_path):
    note(tmp_path, attempt=1, rank=0, steps={(0, 0): ["a"]})
    (file,) = (tmp_path / "audit").iterdir()
    file.write_text(file.read_text() + '{"attempt": 1, "epo')
    assert audit(tmp_path, ["a"], epochs=1).lost == []


def test_a_full_disk_ends_the_run_in_one_line(tmp_path):
    context, split = LocalContext(tmp_path / "checkpoints"), make_split(20, seed=1)
    loop = make_loop(make_config(tmp_path, optimisation={"epochs": 1}), split, split, context)
    loop.source = AuditedSource(loop.source, tmp_path, context)
    loop.source.path = Path("/dev/full")
    with pytest.raises(
        StorageError, match=r"no room for /dev/full \(No space left on device\): make room .*--resume"
    ):
        loop.run()


def test_a_source_notes_what_it_hands_over(tmp_path):
    context, split = LocalContext(tmp_path / "checkpoints"), make_split(20, seed=1)
    loop = make_loop(make_config(tmp_path, optimisation={"epochs": 2}), split, split, context)
    loop.source = AuditedSource(loop.source, tmp_path, context)
    loop.run()
    assert audit(tmp_path, split.video_ids, epochs=2) == Audit(lost=[], repeated=[], attempts=1)
    assert {(noted["rank"], noted["trained_on"], *noted["decoded_on"]) for noted in notes(tmp_path)} == {
        (0, "")
    }
    assert audit(tmp_path, [*split.video_ids, "other"], epochs=2).lost == [(0, "other"), (1, "other")]
