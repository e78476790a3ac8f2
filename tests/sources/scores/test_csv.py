"""Tables of scores: which column is what, what is refused and where, and the real matrices."""

import gzip
from pathlib import Path

import numpy as np
import polars
import pytest
from tests.shared_data import shared_data

from llmpick.evidence.errors import InputError
from llmpick.sources.scores import read_scores
from llmpick.sources.scores.bounded import read_bounded
from llmpick.sources.scores.csv import read_scores as read_table_scores


def written(folder: Path, text: str, name: str = "scores.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "models", "items", "columns"),
    [
        ("item,a,b\nx,0,1\ny,1,0.5\n", ["a", "b"], ["x", "y"], []),
        ("question_id,category,a\n7,law,1\n8,law,0\n", ["a"], ["7", "8"], ["category"]),
        ("a,name,b\n1,p,0\n0,q,1\n", ["a", "b"], ["p", "q"], []),
        ("a,b\n1,0\n0,1\n", ["a", "b"], ["1", "2"], []),
        ("id,document,a\n1,3,1\n2,3,0\n", ["a"], ["1", "2"], ["document"]),
        ("id,a,words,empty\n1,TRUE,u,\n2,false,v,\n", ["a"], ["1", "2"], ["words"]),
        (" item , a \n x , 1 \n", ["a"], ["x"], []),
        ("\ufeffitem,a\nx,1\n", ["a"], ["x"], []),
        (",index,a\n0,5,1\n1,6,0\n", ["a"], ["5", "6"], [""]),
    ],
)
def test_columns_are_recognised(tmp_path: Path, text: str, models: list[str], items: list[str], columns: list[str]) -> None:
    matrix = read_scores(written(tmp_path, text))
    assert (list(matrix.models), list(matrix.items), list(matrix.columns)) == (models, items, columns)
    assert matrix.costs is None


def test_a_cell_that_holds_nothing_was_not_seen(tmp_path: Path) -> None:
    matrix = read_scores(written(tmp_path, "item,a,b\nx,,1\ny,NaN,0\nz,1,n/a\n"))
    assert matrix.seen.tolist() == [[False, False, True], [True, True, False]]
    assert matrix.scores[matrix.seen].tolist() == [1, 1, 0]
    assert np.isfinite(matrix.scores).all()


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
def test_the_same_table_in_every_form(tmp_path: Path, ending: str) -> None:
    frame = polars.DataFrame({"item": ["x", "y", "z"], "kind": ["k", "k", "l"], "a": [0.0, 1.0, None], "b": [True, False, True]})
    file = tmp_path / f"scores.{ending}"
    text = frame.write_csv(separator="\t" if ending == "tsv" else ",")
    if ending == "parquet":
        frame.write_parquet(file)
    else:
        file.write_bytes({"csv.gz": gzip.compress(text.encode()), "jsonl": frame.write_ndjson().encode()}.get(ending, text.encode()))
    matrix = read_scores(file)
    assert (matrix.models, matrix.items, matrix.columns["kind"].tolist()) == (("a", "b"), ("x", "y", "z"), ["k", "k", "l"])
    assert matrix.scores.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert matrix.seen.tolist() == [[True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("text", "what", "where", "remedy"),
    [
        ("item,a\nx,1\ny,57\n", "'57' is not a score", "line 3, column 'a'", "divide percentages by 100"),
        ("item,a\nx,-0.5\n", "'-0.5' is not a score", "line 2, column 'a'", "scale from 0 to 1"),
        ("item,a\nx,inf\n", "'inf' is not a score", "line 2, column 'a'", "scale"),
        ("item,a\nx,1\ny,0\nz,right\n", "'right' is not a score", "line 4, column 'a'", "true or false"),
        ("item,a\nx,1\nx,0\n", "'x' is there twice, first in row 1", "line 3, column 'item'", "a name of its own"),
        ("item,word\nx,u\ny,v\n", "no column of scores", "scores.csv", "a column per model"),
        ("item,a,a\nx,1,1\n", "two columns are named 'a'", "scores.csv", "of its own"),
        ("item,a\n", "no rows", "scores.csv", "at least one row"),
        ("", "no rows", "scores.csv", "at least one row"),
        ("item,a\nx,1,1\n", "cannot be read", "scores.csv", "UTF-8"),
        ('item,a\n"x\ny",1\nz,2\n', "'2' is not a score", "row 2, column 'a'", "percent"),
        ("item,a,b,cost:a\nx,1,0,5\n", "'b' has no column of costs", "scores.csv", "add a column 'cost:b'"),
        ("item,a,cost:a\nx,1,\n", "a score has no cost", "line 2, column 'cost:a'", "from 0 up"),
        ("item,a,cost:a\nx,1,-3\n", "'-3' is not a cost", "line 2, column 'cost:a'", "from 0 up"),
    ],
)
def test_what_is_refused_names_the_place_and_the_remedy(tmp_path: Path, text: str, what: str, where: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scores(written(tmp_path, text))
    assert what in caught.value.what
    assert where in caught.value.where
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("cost:a", "cost"),
        ("a:cost", "cost"),
        ("a_tokens", "tokens"),
        ("a output_tokens", "tokens"),
        ("seconds_a", "seconds"),
        ("a characters", "characters"),
        ("money:a", "money"),
    ],
)
def test_a_column_of_costs_is_known_by_its_name(tmp_path: Path, column: str, unit: str) -> None:
    matrix = read_scores(written(tmp_path, f"item,a,{column}\nx,1,120\ny,,\n"))
    assert (matrix.models, matrix.cost_unit) == (("a",), unit)
    assert matrix.costs is not None
    assert matrix.costs.tolist() == [[120, 0]]


def test_costs_of_a_second_file_are_joined_by_item_and_model(tmp_path: Path) -> None:
    scores = written(tmp_path, "item,a,b\nx,1,0\ny,0,\n")
    costs = written(tmp_path, "item,b,a,c\ny,,40,1\nz,9,9,9\nx,20,10,1\n", "output_characters.csv")
    matrix = read_scores(scores, costs=costs)
    assert matrix.costs is not None
    assert (matrix.costs.tolist(), matrix.cost_unit) == ([[10, 40], [20, 0]], "characters")
    for text, what in (("item,a\nx,1\ny,1\n", "no column 'b'"), ("item,a,b\nx,1,1\n", "no row 'y'"), ("item,a,b\nx,1,\ny,1,\n", "no cost")):
        with pytest.raises(InputError, match=what):
            read_scores(scores, costs=written(tmp_path, text, "cost.csv"))


def test_a_row_per_answer(tmp_path: Path) -> None:
    text = "candidate,row,score,language,output_tokens\nm,1,1,de,5\nm,2,,de,\nm,2,0,de,7\nn,1,0.5,de,3\nn,1,1,de,4\n"
    matrix = read_scores(written(tmp_path, text))
    assert (matrix.models, matrix.items) == (("m", "n"), ("1", "2"))
    assert matrix.scores.tolist() == [[1, 0], [0.75, 0]]
    assert matrix.seen.tolist() == [[True, True], [True, False]]
    assert matrix.costs is not None
    assert (matrix.costs.tolist(), matrix.cost_unit, matrix.columns["language"].tolist()) == ([[5, 7], [7, 0]], "tokens", ["de", "de"])


def test_a_row_per_model(tmp_path: Path) -> None:
    file = written(tmp_path, "model,total,q1,q2\nm,57.1,1,0\nn,3.5,0,\n")
    matrix = read_table_scores(file, leave_out=["total"])
    assert (matrix.models, matrix.items, matrix.seen.tolist()) == (("m", "n"), ("q1", "q2"), [[True, True], [True, False]])
    with pytest.raises(InputError, match="is not a score"):
        read_scores(file)
    with pytest.raises(InputError, match="no column 'sum' to leave out"):
        read_table_scores(file, leave_out=["sum"])
    other = read_scores(written(tmp_path, "who,q1,q2\nm,1,0\nn,0,1\n"), transpose=True)
    assert (other.models, other.items) == (("m", "n"), ("q1", "q2"))


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, what in (("gone.csv", "no such file"), ("notes.txt", "no scores of a known form")):
        if name == "notes.txt":
            written(tmp_path, "hello", name)
        with pytest.raises(InputError, match=what):
            read_scores(tmp_path / name)
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"item,a\nx,1\n")[:-9])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_scores(tmp_path / "broken.csv.gz")


def test_a_small_file_that_unpacks_to_more_than_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "bomb.csv.gz"
    file.write_bytes(gzip.compress(b"0" * 2_000_000))
    with pytest.raises(InputError, match="more than 1 MiB"):
        read_bounded(file, limit=2**20)


def test_mmlu_pro_with_its_costs() -> None:
    matrix = read_scores(
        shared_data("evaluation/mmlu_pro/scores.csv.gz"), costs=shared_data("evaluation/mmlu_pro/output_characters.csv.gz")
    )
    assert matrix.scores.shape == (15, 12_032)
    assert matrix.seen.all()
    assert (matrix.cost_unit, len(set(matrix.columns["category"].tolist()))) == ("characters", 14)
    assert matrix.costs is not None
    frame = polars.read_csv(shared_data("evaluation/mmlu_pro/output_characters.csv.gz"))
    assert matrix.costs.sum(axis=1).tolist() == [frame[model].sum() for model in matrix.models]


def test_alpaca_eval_has_ten_cells_that_were_not_seen() -> None:
    folder = "evaluation/alpaca_eval"
    matrix = read_scores(
        shared_data(f"{folder}/winprob_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz"),
        costs=shared_data(f"{folder}/outchars_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz"),
    )
    assert (matrix.scores.shape, int((~matrix.seen).sum()), matrix.cost_unit) == ((60, 805), 10, "characters")
    assert float(matrix.scores[matrix.models.index("NullModel")].mean()) == pytest.approx(0.77, abs=0.01)


def test_metabench_has_a_model_in_each_row() -> None:
    matrix = read_table_scores(shared_data("evaluation/metabench/arc_primary.csv.gz"), leave_out=["full_benchmark_score"])
    assert (matrix.scores.shape, matrix.items[0]) == ((4280, 145), "arc.866")
