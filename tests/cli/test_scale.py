"""`llmpick scale predict | optimal | fit | repeat`: what is printed, what JSON holds, and how it ends when something is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.shared_data import shared_data

from llmpick.cli.main import run
from llmpick.cli.scale import SUBCOMMANDS
from llmpick.estimate.scaling.optimal import compute_optimal
from llmpick.estimate.scaling.published import EPOCH


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run(["scale", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    code, out, err = said(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """60 runs of Epoch's law with a little noise; columns and units as tables of experiments have them."""
    rng = np.random.default_rng(7)
    params, tokens = 10 ** rng.uniform(7.5, 10, 60), 10 ** rng.uniform(9, 11.5, 60)
    loss = EPOCH.at(params, tokens) * np.exp(0.004 * rng.laplace(size=60))
    file = tmp_path / "runs.csv"
    rows = [f"r{i},{n / 1e9:.6f},{d:.6g},{y:.6f}" for i, (n, d, y) in enumerate(zip(params, tokens, loss, strict=True))]
    file.write_text("\n".join(["name,params_B,Tokens,val loss", *rows]) + "\n")
    return file


def test_every_sub_command_answers_help(capsys):
    for name in SUBCOMMANDS:
        code, out, _ = said(capsys, name, "--help")
        assert code == 0
        assert "--json" in out
    assert all(name in said(capsys, "--help")[1] for name in SUBCOMMANDS)


@pytest.mark.parametrize(("params", "tokens"), [("7e9", "1e12"), ("7B", "1T"), ("7_000_000_000", "1000b")])
def test_predict(capsys, params: str, tokens: str):
    found = document(capsys, "predict", "--params", params, "--tokens", tokens)
    assert found["law"] == "epoch"
    assert found["loss"]["value"] == pytest.approx(2.0838, abs=1e-4)
    assert found["loss"]["low"] < found["loss"]["value"] < found["loss"]["high"]
    by_law = {one["law"]: one for one in found["laws"]}
    assert by_law["hoffmann"]["loss"]["value"] == pytest.approx(2.0550, abs=1e-4)
    assert by_law["kaplan"]["loss"] is None
    assert "without embeddings" in by_law["kaplan"]["unknown"]["loss"]
    assert any("do not compare between laws" in note for note in found["notes"])


@pytest.mark.parametrize("law", ["hoffmann", "epoch", "kaplan", "kaplan-compute", "muennighoff", "gadre", "sardana", "chinchilla"])
def test_predict_by_any_law(capsys, law: str):
    found = document(capsys, "predict", "--params", "1B", "--tokens", "20B", "--law", law)
    assert 1.5 < found["loss"]["value"] < 4
    assert (found["downstream_error"] is not None) == (law == "gadre")
    assert (found["counted"] == "without embeddings") == law.startswith("kaplan")


def test_outside_the_fitted_range_the_interval_is_wider_and_the_answer_says_so(capsys):
    inside = document(capsys, "predict", "--params", "1B", "--tokens", "20B")
    outside = document(capsys, "predict", "--params", "1T", "--tokens", "20T")
    assert inside["decades_outside"] == 0
    assert outside["decades_outside"] > 1.5
    assert np.log(outside["loss"]["high"] / outside["loss"]["low"]) > 2 * np.log(inside["loss"]["high"] / inside["loss"]["low"])
    told = [any("Outside the range" in note for note in found["notes"]) for found in (inside, outside)]
    assert told == [False, True]


def test_mixing_conventions_is_an_error_with_a_way_out(capsys):
    wrong = ("predict", "--params", "7B", "--tokens", "1T", "--law", "kaplan", "--params-count", "total")
    code, _, err = said(capsys, *wrong)
    assert code == 2
    assert "--embedding-params" in err
    found = document(capsys, *wrong, "--embedding-params", "262M")
    assert found["loss"]["value"] == document(capsys, *wrong[:5], "--law", "kaplan", "--params", "6738M")["loss"]["value"]
    code, _, err = said(capsys, "optimal", "--flops", "1e22", "--flops-count", "counted")
    assert code == 2
    assert "epoch counts FLOPs as 6ND" in err


def test_optimal_of_a_budget_and_for_serving(capsys):
    found = document(capsys, "optimal", "--flops", "5.76e23")
    assert found["params"] == pytest.approx(72.2e9, rel=1e-2)
    assert 6 * found["params"] * found["tokens"] == pytest.approx(found["flops"]) == pytest.approx(5.76e23)
    kaplan = next(one for one in found["laws"] if one["law"] == "kaplan")
    assert kaplan["params"] == pytest.approx(8.04e11, rel=1e-3)
    found = document(capsys, "optimal", "--params", "30e9", "--inference-tokens", "1e13")
    assert (found["law"], found["params"]) == ("hoffmann", pytest.approx(13.6e9, rel=2e-3))
    assert (found["served"]["tokens_ratio"], found["served"]["total_ratio"]) == (
        pytest.approx(2.845, abs=1e-3),
        pytest.approx(0.720, abs=1e-3),
    )
    out = said(capsys, "optimal", "--params", "30e9", "--inference-tokens", "1e13")[1]
    assert "13.6B" in out
    assert "-28.0 %" in out


def test_a_budget_stays_a_budget_when_the_model_will_be_served(capsys):
    """6 N D is what was given; 2 N for each token served comes on top. A loss that is kept takes more training instead."""
    budget = document(capsys, "optimal", "--flops", "1e22", "--inference-tokens", "10T")
    assert 6 * budget["params"] * budget["tokens"] == pytest.approx(1e22, rel=1e-6) == pytest.approx(budget["flops"], rel=1e-6)
    assert budget["served"]["total_flops"] == pytest.approx(1e22 + 2 * budget["params"] * 1e13, rel=1e-6)
    assert budget["loss"] > document(capsys, "optimal", "--flops", "1e22", "--law", "hoffmann")["loss"]
    kept = document(capsys, "optimal", "--loss", budget["loss"], "--inference-tokens", "10T")
    assert kept["params"] == pytest.approx(budget["params"], rel=1e-4)
    least = document(capsys, "optimal", "--loss", budget["loss"], "--law", "hoffmann")
    assert kept["served"]["training_ratio"] == pytest.approx(kept["flops"] / least["flops"], rel=1e-4) == pytest.approx(2.76, abs=0.01)
    said_ = " ".join(said(capsys, "optimal", "--flops", "1e22", "--inference-tokens", "10T")[1].split())
    assert "1e22 training FLOPs" in said_
    assert "Serving 10T tokens adds 2.1e22 FLOPs: 3.1e22 in all, -63.9 %" in said_
    assert "--flops is what training takes; serving comes on top of it" in said_


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--flops", "1e22", "--unique-tokens", "2e10"), "are seen 12.3 times"),
        (("--loss", "2.0"), "best split of that loss"),
        (("--flops", "1e22", "--law", "kaplan"), "by kaplan"),
        (("--params", "175B", "--law", "hoffmann"), "approach 3 is printed as 1.26e24"),
        (("--flops", "1e22", "--law", "muennighoff"), "by muennighoff"),
    ],
)
def test_other_questions_of_optimal(capsys, words: tuple[str, ...], what: str):
    code, out, _ = said(capsys, "optimal", *words)
    assert code == 0
    assert what in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "give one of the three"),
        (("--flops", "1e22", "--params", "1B"), "give one of the three"),
        (("--loss", "1.2"), "never reaches a loss"),
        (("--loss", "2.0", "--law", "kaplan"), "only splits a training budget"),
        (("--flops", "1e22", "--law", "kaplan-tokens"), "no split of a budget"),
        (("--params", "1B", "--unique-tokens", "1B"), "give --flops"),
        (("--flops", "1e22", "--unique-tokens", "1B", "--inference-tokens", "1B"), "two questions"),
        (("--flops", "-1"), "no number above 0"),
        (("--flops", "0.1"), "less than 1"),
        (("--flops", "1"), "the best split has"),
        (("--flops", "1e22", "--inference-tokens", "1e30"), "serve fewer tokens"),
        (("--params", "1e-3"), "less than 1"),
        (("--flops", "1e22", "--law", "moore"), "no law 'moore'"),
    ],
)
def test_questions_without_an_answer(capsys, words: tuple[str, ...], what: str):
    code, out, err = said(capsys, "optimal", *words)
    assert (code, out) == (2, "")
    assert what in err


def test_repeat(capsys):
    found = document(capsys, "repeat", "--params", "1e9", "--unique-tokens", "20e9", "--epochs", 4)
    assert found["effective_tokens"] == pytest.approx(74.5e9, rel=1e-3)
    assert found["loss"] == pytest.approx(2.4360, abs=1e-4)
    assert found["effective_low"] <= found["effective_tokens"] <= found["effective_high"] <= found["tokens"] == 80e9
    out = said(capsys, "repeat", "--params", "1B", "--unique-tokens", "20B", "--epochs", 4)[1]
    assert "local minimum" in " ".join(out.split())
    assert said(capsys, "repeat", "--params", "1B", "--unique-tokens", "20B", "--epochs", 0.5)[0] == 2


def test_fit_finds_its_columns_and_the_law_that_made_the_runs(capsys, runs: Path, tmp_path: Path):
    found = document(capsys, "fit", runs, "--bootstrap", 300, "--at", "7B,1T", "--flops", "1e22", "--plot", tmp_path / "fit.html")
    assert (found["columns"]["params"], found["columns"]["tokens"], found["columns"]["loss"]) == ("params_B", "Tokens", "val loss")
    assert found["runs"] == 60
    for name, true in zip(("A", "alpha", "B", "beta", "E"), EPOCH.constants, strict=True):
        constant = found["constants"][name]
        assert constant["low"] <= true <= constant["high"], name
        assert constant["low"] <= constant["value"] <= constant["high"]
    assert found["r2"] > 0.99
    assert found["held_out"] < 0.012 < found["straight_held_out"]
    (split,) = found["splits"]
    assert split["params"]["low"] <= float(compute_optimal(EPOCH, 1e22).params) <= split["params"]["high"]
    assert split["params"]["value"] * split["tokens"]["value"] * 6 == pytest.approx(1e22)
    (run_,) = found["foretold"]
    assert run_["loss"]["low"] <= float(EPOCH.at(7e9, 1e12)) <= run_["loss"]["high"]
    assert "What the runs cannot tell" in (tmp_path / "fit.html").read_text()


def test_the_same_seed_gives_the_same_answer(capsys, runs: Path):
    words = ("fit", runs, "--bootstrap", 100, "--seed", 3)
    assert document(capsys, *words) == document(capsys, *words)


def test_fit_of_epochs_file_from_the_command_line(capsys):
    file = shared_data("scaling/analyzing-chinchilla/svg_extracted_data.csv")
    found = document(capsys, "fit", file, "--leave-out", "1,2,3,4,5", "--bootstrap", 400)
    assert found["columns"]["flops"] == "Training FLOP"
    assert found["runs"] == 240
    assert found["objective"] == pytest.approx(0.0010182740, abs=5e-11)
    assert found["constants"]["A"]["value"] == pytest.approx(477.8, abs=0.1)
    out = " ".join(said(capsys, "fit", file, "--bootstrap", 100)[1].split())
    assert "--leave-out 1,2,3,4,5,6,11" in out
    assert "grows as FLOPs^0.565 [" in out
    assert "(without the 7 runs that stand out: 0.508)" in out


def test_beside_each_forecast_stands_what_it_is_without_the_runs_that_stand_out(capsys):
    """The same numbers as by leaving them out; and each note says of which forecast it speaks."""
    file = shared_data("scaling/analyzing-chinchilla/svg_extracted_data.csv")
    words = ("fit", file, "--at", "7B,1T", "--at", "1B,20B", "--flops", "1e22", "--bootstrap", 100)
    all_runs, cleaned = document(capsys, *words), document(capsys, *words, "--leave-out", "1,2,3,4,5,6,11")
    for one, other in zip(all_runs["foretold"], cleaned["foretold"], strict=True):
        assert one["without_outliers"] == pytest.approx(other["loss"]["value"], rel=1e-6)
    split, other = all_runs["splits"][0], cleaned["splits"][0]
    assert {key: other[key]["value"] for key in ("params", "tokens", "loss")} == pytest.approx(split["without_outliers"], rel=1e-4)
    assert all_runs["without_outliers"]["compute_exponent"] == pytest.approx(cleaned["compute_exponent"]["value"], rel=1e-4)
    outside = [note for note in all_runs["notes"] if "outside the range" in note]
    assert [note.split(":")[0] for note in outside] == ["7B parameters on 1T tokens"]


GOOD = "1e9,2e10,2.5\n2e9,2e10,2.4\n4e9,4e10,2.3\n"


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("", "no rows", "runs.csv"),
        ("N,tokens,loss\n", "no rows", "runs.csv"),
        (f"N,tokens,value\n{GOOD}", "no column is one of losses", "--loss-column"),
        (f"size of it,tokens,loss\n{GOOD}", "no column is one of parameters", "size of it, tokens, loss"),
        (f"N,epochs,loss\n{GOOD}", "tokens or training FLOPs", "--flops-column"),
        (f"N,tokens,loss\n{GOOD}1e9,,2\n", "tokens is empty", "line 5"),
        (f"N,tokens,loss\n{GOOD}1e9,1e9,nan\n", "loss is", "--leave-out 4"),
        (f"N,tokens,loss\n{GOOD}1e9,1e9,-2\n0,1e9,2\n", "N is '0'", "line 6"),
        (f"N,tokens,loss\n{GOOD}inf,1e9,2\ninf,1e9,2\n", "and so in 1 more", "line 5"),
        (f"N,tokens,loss\n{GOOD}1e9,many,2\n", "tokens is 'many'", "line 5"),
        (f"N,tokens,loss\n{GOOD}", "5 constants need more than 5 runs", "add runs"),
        (f"N,N,loss\n{GOOD}", "two columns are named", "runs.csv"),
    ],
)
def test_tables_that_cannot_be_used(capsys, tmp_path: Path, text: str, what: str, where: str):
    (tmp_path / "runs.csv").write_text(text)
    code, out, err = said(capsys, "fit", tmp_path / "runs.csv")
    assert (code, out) == (2, "")
    assert what in err
    assert where in err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--loss-column", "losses"), "no column 'losses'"),
        (("--leave-out", "61"), "there is no row 61"),
        (("--leave-out", "a"), "no list of rows"),
        (("--at", "7B"), "write parameters and tokens"),
        (("--tokens-column", "Tokens", "--flops-column", "Tokens"), "both named"),
        (("--bootstrap", "1"), "range"),
        (("--at", "7B,1e-3"), "less than 1"),
        (("--plot", "fit.pdf"), "give a name that ends in .html"),
    ],
)
def test_options_that_cannot_be_used(capsys, runs: Path, words: tuple[str, ...], what: str):
    code, _, err = said(capsys, "fit", runs, *words)
    assert code == 2
    assert what in err


def test_a_fit_says_when_its_losses_cannot_be_and_when_no_split_follows(capsys, runs: Path):
    """Perplexities in place of losses, and losses in no order: an answer with its warning, not a forecast."""
    rows = [line.split(",") for line in runs.read_text().splitlines()]
    perplexities = [",".join([*row[:3], f"{np.exp(3 * float(row[3])):.6f}"]) for row in rows[1:]]
    runs.write_text("\n".join([",".join(rows[0]), *perplexities]) + "\n")
    notes = document(capsys, "fit", runs, "--bootstrap", 100)["notes"]
    assert any("more than guessing would have" in note and "'val loss' is a perplexity" in note for note in notes)
    shuffled = [",".join([*row[:3], other[3]]) for row, other in zip(rows[1:], rows[:0:-1], strict=True)]
    runs.write_text("\n".join([",".join(rows[0]), *shuffled]) + "\n")
    code, out, err = said(capsys, "fit", runs, "--bootstrap", 100, "--flops", "1e23")
    assert (code == 0 and ("explain little" in out)) or "does not fall as a power" in err


def test_budgets_with_data_in_plenty_say_that_none_is_seen_twice(capsys):
    text = " ".join(said(capsys, "optimal", "--flops", "1e22", "--unique-tokens", "1T")[1].split())
    assert "The 1T tokens that differ are more than it takes: none is seen twice." in text
    assert "by 0.025 decades" in text


def test_one_epoch_and_very_many(capsys):
    assert "1 epoch over 1B tokens is worth 1B" in " ".join(
        said(capsys, "repeat", "--params", "1B", "--unique-tokens", "1B", "--epochs", 1)[1].split()
    )
    many = " ".join(said(capsys, "repeat", "--params", "1B", "--unique-tokens", "1B", "--epochs", 1000)[1].split())
    assert "worth less than 1 % of a new one" in many


def test_columns_are_as_told_and_rows_left_out_as_told(capsys, runs: Path):
    renamed = runs.with_name("other.csv")
    renamed.write_text(runs.read_text().replace("params_B,Tokens,val loss", "width (B),seen,ppl"))
    words = ("--params-column", "width (B)", "--tokens-column", "seen", "--loss-column", "ppl", "--bootstrap", 100, "--leave-out", "2,1")
    found = document(capsys, "fit", renamed, *words)
    assert (found["runs"], found["left_out"]) == (58, [1, 2])
    assert found["constants"]["E"]["value"] == pytest.approx(EPOCH.E, abs=0.1)


def test_extreme_numbers_get_an_answer(capsys):
    for words in (
        ("predict", "--params", "1", "--tokens", "1"),
        ("predict", "--params", "1e30", "--tokens", "1e30"),
        ("optimal", "--flops", "1e4"),
        ("optimal", "--flops", "1e40"),
        ("optimal", "--params", "1e12", "--inference-tokens", "1e25"),
        ("optimal", "--flops", "1e24", "--unique-tokens", "1e6"),
        ("repeat", "--params", "1e3", "--unique-tokens", "10", "--epochs", "1e9"),
    ):
        code, out, err = said(capsys, *words, "--json")
        assert code == 0, err
        answer = json.loads(out)
        senseless = (answer["loss"]["value"] if words[0] == "predict" else answer["loss"]) > 15
        assert any("Guessing has a loss of 10 to 13" in note for note in answer["notes"]) == senseless, words


def test_help_is_light():
    heavy = ("numpy", "polars", "scipy", "pydantic", "rich", "jinja2", "sqlalchemy")
    code = (
        "import sys; from llmpick.cli.main import run; run(['scale', '--help']); "
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_runs_whose_loss_grows_are_refused_and_noisy_ones_are_told(capsys, tmp_path: Path):
    rng = np.random.default_rng(0)
    params, tokens = 10 ** rng.uniform(7.5, 10, 30), 10 ** rng.uniform(9, 11.5, 30)
    rising, noisy = 1 + params**0.05 + 5e3 * tokens**-0.4, EPOCH.at(params, tokens) * np.exp(0.1 * rng.laplace(size=30))
    for name, loss in (("rising", rising), ("noisy", noisy)):
        rows = [f"{n},{d},{y}" for n, d, y in zip(params, tokens, loss, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["params,tokens,loss", *rows]))
    code, _, err = said(capsys, "fit", tmp_path / "rising.csv")
    assert code == 2
    assert "does not fall as a power of their parameters" in err
    found = document(capsys, "fit", tmp_path / "noisy.csv", "--bootstrap", 100, "--at", "7B,1T", "--flops", "1e22")
    assert found["foretold"][0]["loss"]["low"] < found["foretold"][0]["loss"]["high"]
    assert any("do not bound" in note for note in found["notes"])
