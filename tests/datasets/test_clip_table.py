"""Clips of a table: folds that no source crosses, given or dealt, and tables that leak."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clip_table import FoldsConfig, list_clip_table
from epitoma.datasets.listing import Listing

HEADER = "path,label,source,fold"


def table(folder: Path, *rows: str) -> Path:
    file = folder / "clips.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    return file


def some_rows(sources: int, clips: int = 4, classes: int = 3) -> list[str]:
    """Each source has clips of two classes."""
    return [
        f"{source}_{clip}.mp4,class{(source + clip % 2) % classes},s{source},{source % 5}"
        for source in range(sources)
        for clip in range(clips)
    ]


def splits_of_sources(listing: Listing) -> dict[str, set[str]]:
    found = defaultdict(set)
    for video in listing.videos:
        found[str(video.group)].add(str(video.split))
    return found


@pytest.mark.parametrize("column", ["fold", None])
def test_every_clip_is_in_test_once_and_no_source_in_two_splits(tmp_path, column):
    file = table(tmp_path, *some_rows(20))
    tested = Counter()
    for fold in range(5):
        listing = list_clip_table(file, FoldsConfig(fold_column=column, fold=fold))
        assert listing.classes == ("class0", "class1", "class2")
        assert len(listing.videos) == 80
        assert all(len(splits) == 1 for splits in splits_of_sources(listing).values())
        assert {video.split for video in listing.videos} == {"train", "validation", "test"}
        tested.update(video.video_id for video in listing.videos if video.split == "test")
    assert set(tested.values()) == {1}
    assert len(tested) == 80


def test_given_folds_are_taken_and_the_next_one_validates(tmp_path):
    listing = list_clip_table(table(tmp_path, *some_rows(10)), FoldsConfig(fold_column="fold", fold=4))
    wanted = {0: "validation", 4: "test"}
    for video in listing.videos:
        source = int(str(video.group)[1:])
        assert video.split == wanted.get(source % 5, "train")
        assert video.path == str(tmp_path / video.video_id)


def test_folds_are_dealt_by_their_seed_alike_in_every_class(tmp_path):
    file = table(tmp_path, *some_rows(60, clips=2, classes=3))
    first, same, other = (
        list_clip_table(file, FoldsConfig(fold=1, fold_seed=seed)).videos for seed in (0, 0, 1)
    )
    assert first == same
    assert first != other
    tested = Counter(video.labels[0] for video in first if video.split == "test")
    assert all(6 <= count <= 10 for count in tested.values())


@given(sources=st.integers(5, 30), clips=st.integers(2, 5), folds=st.integers(3, 5), seed=st.integers(0, 99))
def test_no_source_is_torn_however_they_are_dealt(tmp_path_factory, sources, clips, folds, seed):
    file = table(tmp_path_factory.mktemp("clips"), *some_rows(sources, clips))
    listing = list_clip_table(file, FoldsConfig(folds=folds, fold_seed=seed))
    assert all(len(splits) == 1 for splits in splits_of_sources(listing).values())


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (["a.mp4,x,s1,0", "b.mp4,x,s1,1"], {"fold_column": "fold"}, "group 's1' is in two folds: a.mp4 in 0"),
        (["a.mp4,x,s1,5"], {"fold_column": "fold"}, "fold '5' of a.mp4 is none of 0 to 4"),
        (["a.mp4,x,s1,"], {"fold_column": "fold"}, "fold '' of a.mp4 is none of"),
        (["a.mp4,x,s1,0", "b.mp4,y,s2,0"], {}, "has 2 groups in column source, fewer than 5 folds"),
        ([f"{n}.mp4,{n},s{n},0" for n in range(5)], {}, "no class has a clip for each of 5 folds"),
        (["a.mp4,x,s1,0", "a.mp4,y,s2,0"], {}, "the same name in more than one row"),
        (["a.mp4,x,,0"], {}, "row 1 has nothing in column source"),
        (["a.mp4,x,s1,0"], {"group_column": "film"}, "has no column film"),
        (["a.mp4,x,s1,0"], {"fold_column": "part"}, "has no column part"),
    ],
)
def test_tables_that_are_refused(tmp_path, rows, settings, message):
    with pytest.raises(ManifestError, match=message):
        list_clip_table(table(tmp_path, *rows), FoldsConfig(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"folds": 2}, "folds is 2, must be at least 3"), ({"fold": 5}, "fold is 5, must be from 0 to 4")],
)
def test_folds_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        FoldsConfig(**settings)
