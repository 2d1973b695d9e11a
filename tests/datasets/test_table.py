import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.splits import SplitsConfig
from epitoma.datasets.table import TableConfig, list_table


@pytest.fixture
def table(tmp_path):
    """Write text as a table and list it."""

    def make(text: str, *, name: str = "set.csv", **options):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return list_table(TableConfig(file=tmp_path / name, **options))

    return make


def test_paths_labels_and_splits(table, tmp_path):
    listing = table(
        "path,labels,split,note\n"
        'a/one.mp4,tea,train,"first, with comma"\n'
        "/elsewhere/two.mp4,007,test,\n"
        "s3://bucket/three.mp4,tea,val,\n"
        "https://host/four.mp4?x=1,Grüner Tee,validation,\n"
    )
    assert [(v.video_id, v.path, v.labels, v.split) for v in listing.videos] == [
        ("a/one.mp4", str(tmp_path / "a/one.mp4"), ("tea",), "train"),
        ("/elsewhere/two.mp4", "/elsewhere/two.mp4", ("007",), "test"),
        ("s3://bucket/three.mp4", "s3://bucket/three.mp4", ("tea",), "validation"),
        ("https://host/four.mp4?x=1", "https://host/four.mp4?x=1", ("Grüner Tee",), "validation"),
    ]
    assert listing.classes == ("007", "Grüner Tee", "tea")
    assert not listing.multi_label


def test_splits_are_drawn_where_there_are_none(table):
    text = "path,labels\n" + "".join(f"{i}.mp4,{'tea' if i % 2 else 'milk'}\n" for i in range(60))
    listing = table(text)
    assert {(v.labels[0], v.split) for v in listing.videos} == {
        (label, split) for label in ("tea", "milk") for split in ("train", "validation", "test")
    }
    assert {v.split for v in table(text, validation_share=0, test_share=0).videos} == {"train"}


def test_no_group_crosses_a_split(table):
    text = "path,labels,who\n" + "".join(f"{i}.mp4,tea,person {i // 5}\n" for i in range(100))
    listing = table(text, group_column="who")
    assert len({(v.group, v.split) for v in listing.videos}) == 20
    with pytest.raises(
        ManifestError, match="row 3 has nothing in column who, by which splits are kept apart"
    ):
        table("path,labels,who\na,tea,x\nb,tea,x\nc,tea,\n", group_column="who")
    with pytest.raises(
        ManifestError, match="group 'x' may not cross splits, but a is in train and b in test"
    ):
        table("path,labels,who,split\na,tea,x,train\nb,tea,x,test\n", group_column="who")
    with pytest.raises(ManifestError, match="a is in train and b in no split"):
        table("path,labels,who,split\na,tea,x,train\nb,tea,x,\n", group_column="who")


def test_several_labels_by_a_separator(table):
    listing = table(
        "path,labels\na.mp4,tea; milk ;tea\nb.mp4,\nc.mp4,milk\n",
        separator=";",
        validation_share=0,
        test_share=0,
    )
    assert listing.multi_label
    assert [video.labels for video in listing.videos] == [("tea", "milk"), (), ("milk",)]
    assert listing.classes == ("milk", "tea")


def test_parquet_with_a_list_column(tmp_path):
    columns = {"path": ["a.mp4", "b.mp4"], "labels": [["tea", "milk"], []], "split": ["train", None]}
    pq.write_table(pa.table(columns), tmp_path / "set.parquet")
    listing = list_table(TableConfig(file=tmp_path / "set.parquet"))
    assert listing.multi_label
    assert [(v.labels, v.split is not None) for v in listing.videos] == [(("tea", "milk"), True), ((), True)]


def test_parquet_with_plain_columns(tmp_path):
    columns = {"file": ["a.mp4", "b.mp4"], "label": [3, 4], "name": ["A", "B"], "split": [float("nan")] * 2}
    pq.write_table(pa.table(columns), tmp_path / "set.parquet")
    listing = list_table(
        TableConfig(
            file=tmp_path / "set.parquet",
            path_column="file",
            labels_column="label",
            id_column="name",
            root=tmp_path / "videos",
        )
    )
    assert [(v.video_id, v.labels) for v in listing.videos] == [("A", ("3",)), ("B", ("4",))]
    assert listing.videos[0].path == str(tmp_path / "videos/a.mp4")


def test_tabs_and_the_mark_that_spreadsheets_put_first(table):
    listing = table("\ufeffpath\tlabels\na, b.mp4\ttea\n", name="set.tsv")
    assert [(v.video_id, v.labels) for v in listing.videos] == [("a, b.mp4", ("tea",))]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["set.csv", "set.tsv"])
def test_what_separates_cells_is_seen_in_the_first_line(table, separator, name):
    text = "path,labels,note\na.mp4,tea,\nb.mp4,Na N,x\n".replace(",", separator)
    listing = table(text, name=name)
    assert [(v.video_id, v.labels) for v in listing.videos] == [("a.mp4", ("tea",)), ("b.mp4", ("Na N",))]


def test_labels_may_be_separated_by_what_separates_no_cells(table):
    listing = table("path,labels;more\na.mp4,tea;milk\n", separator=";", labels_column="labels;more")
    assert [v.labels for v in listing.videos] == [("tea", "milk")]


def test_paths_that_can_lead_nowhere_are_rejects_that_say_why(table, tmp_path):
    (tmp_path / "with\\backslash.mp4").write_bytes(b"x")
    text = "path,labels\nv\\0.mp4,tea\nv/\0.mp4,tea\nwith\\backslash.mp4,tea\ns3://b/a\\b.mp4,tea\n"
    listing = table(text)
    assert [video.video_id for video in listing.videos] == ["with\\backslash.mp4", "s3://b/a\\b.mp4"]
    assert [reject.reason for reject in listing.rejects] == [
        "row 1: no such file: write / in its path, not \\",
        "row 2: its path holds a NUL character",
    ]


def test_rows_without_path_or_label_are_rejects(table):
    listing = table("path,labels\na.mp4,tea\n,tea\nc.mp4,\n")
    assert [video.video_id for video in listing.videos] == ["a.mp4"]
    assert [(reject.video_id, reject.reason) for reject in listing.rejects] == [
        ("row 2", "row 2 has nothing in column path"),
        ("c.mp4", "row 3 has no label"),
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("path,label\na,b\n", {}, r"set\.csv: has no column labels; its columns are path, label"),
        ("path,labels\na,b\n", {"group_column": "who"}, "has no column who"),
        (
            "path,labels,split\na,b,some\n",
            {},
            "split 'some' in column split is none of train, validation, test",
        ),
        ("path,labels\na,b\nc,d\na,e\n", {}, "the same name in more than one row: a"),
        ("path,labels,id\na,b,1\na,b,2\n", {"id_column": "id"}, "the same file in more than one row: .*/a"),
        ("path,labels\na,b,c\n", {}, "line 2 has too many cells"),
        ("path,labels\na\n", {}, "line 2 has too few cells"),
        ("path,labels,path\na,b,c\n", {}, "has more than one column path"),
        ("path;label\na;b\n", {}, r"has no column labels; its columns are path, label"),
        (
            "path,labels\na,tea\nb,NaN\n",
            {},
            r"set\.csv: row 2 \(line 3\) has the label 'NaN', which programs",
        ),
        ("path,labels\na,nan\n", {}, "has the label 'nan'.*name its class, or leave the cell empty"),
        ("path,labels\na,tea;<NA>\n", {"separator": ";"}, "has the label '<NA>'"),
        ("path,labels\n", {}, "has no rows with a path and a label"),
        ("", {}, "has no column path, labels"),
        ('path,labels\n"a,b\n', {}, "is not a CSV file in UTF-8"),
    ],
)
def test_bad_tables(table, text, options, message):
    with pytest.raises(ManifestError, match=message):
        table(text, **options)


def test_files_that_are_no_tables(table, tmp_path):
    with pytest.raises(ManifestError, match=r"no file at .*gone\.csv"):
        list_table(TableConfig(file=tmp_path / "gone.csv"))
    with pytest.raises(ManifestError, match=r"no file at .*gone\.parquet"):
        list_table(TableConfig(file=tmp_path / "gone.parquet"))
    with pytest.raises(ManifestError, match=r"known kind \(\.csv, \.tsv"):
        table("x", name="set.xlsx")
    with pytest.raises(ManifestError, match="is not a Parquet file"):
        table("hello, no table", name="set.parquet")
    (tmp_path / "set.csv").write_bytes(b"path,labels\n\xff\xfe,x\n")
    with pytest.raises(ManifestError, match="is not a CSV file in UTF-8"):
        list_table(TableConfig(file=tmp_path / "set.csv"))


def test_options_that_make_no_sense(tmp_path):
    with pytest.raises(ConfigError, match="separator is empty"):
        TableConfig(file=tmp_path / "set.csv", separator="")
    assert TableConfig(file=tmp_path / "x").test_share == SplitsConfig().test_share
