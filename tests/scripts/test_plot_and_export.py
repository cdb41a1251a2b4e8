"""plot.py draws every chart, export.py writes every table, and every script refuses bad input in one line."""

import io
import json
from pathlib import Path

import h5py
import pandas
import pytest

import stepbench_results
from conftest import Modify, script

_BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("form", _BEGINNINGS)
def test_a_chart_is_drawn_in_the_format_of_its_name(plain: Path, tmp_path: Path, form: str) -> None:
    done = script("plot.py", plain, "--chart", "speed", "-o", f"speed.{form}", cwd=tmp_path)
    assert done.returncode == 0, done
    content = (tmp_path / f"speed.{form}").read_bytes()
    assert content.startswith(_BEGINNINGS[form]) and len(content) > 5000


def test_a_chart_without_data_is_refused_with_the_reason(plain: Path, tmp_path: Path) -> None:
    done = script("plot.py", plain, "--chart", "batch", "-o", "batch.png", cwd=tmp_path)
    assert done.returncode == 2 and "one batch size only" in done.stderr and list(tmp_path.iterdir()) == []


def test_another_format_is_refused(plain: Path, tmp_path: Path) -> None:
    done = script("plot.py", plain, "--chart", "speed", "-o", "speed.gif", cwd=tmp_path)
    assert done.returncode == 2 and ".png, .svg, .pdf" in done.stderr


@pytest.mark.parametrize(("table", "rows"), [("summary", 24), ("steps", 1050), ("epochs", 60), ("rounds", 192)])
def test_csv_has_a_row_per_observation(swept: Path, tmp_path: Path, table: str, rows: int) -> None:
    # 20 trials trained; 3 epochs of 360 samples are 69 or 36 steps; 4 groups of 8 rounds, 5 trials and a twin
    done = script("export.py", swept, "--table", table, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    read = pandas.read_csv(io.StringIO(done.stdout))
    assert len(read) == rows and {"id", "trial"} & set(read.columns)


def test_csv_and_json_hold_the_same_numbers(swept: Path, tmp_path: Path) -> None:
    script("export.py", swept, "--table", "epochs", "-o", "epochs.csv", cwd=tmp_path)
    script("export.py", swept, "--table", "epochs", "-o", "epochs.json", cwd=tmp_path)
    csv = pandas.read_csv(tmp_path / "epochs.csv", float_precision="round_trip")
    records = pandas.DataFrame(json.loads((tmp_path / "epochs.json").read_text()))
    pandas.testing.assert_frame_equal(csv, records, check_dtype=False, check_exact=True)
    stored = stepbench_results.open(swept).trial("tbb-t1-s1-batch_size16").epochs["train_loss"]
    assert csv.loc[csv["id"] == "tbb-t1-s1-batch_size16", "train_loss"].tolist() == stored.tolist()


def test_what_is_no_number_is_null(swept: Path, tmp_path: Path) -> None:
    done = script("export.py", swept, "--format", "json", cwd=tmp_path)
    records = {record["id"]: record for record in json.loads(done.stdout)}
    assert records["neuron-t2-s1-batch_size16"]["step_time_median"] is None
    assert "NaN" not in done.stdout


def test_the_environment_is_exported(swept: Path, tmp_path: Path) -> None:
    done = script("export.py", swept, "--table", "environment", "--format", "json", cwd=tmp_path)
    facts = {record["name"]: record["value"] for record in json.loads(done.stdout)}
    assert facts["experiment"] == "small" and facts["cores"] >= 1


_SCRIPTS = {
    "report.py": ["-o", "out.html"],
    "plot.py": ["--chart", "speed", "-o", "out.png"],
    "export.py": ["-o", "out.csv"],
}
_BAD = {"empty.h5": b"", "text.h5": b"no HDF5", "cut.h5": None, "absent.h5": None}


@pytest.mark.parametrize("name", _SCRIPTS)
@pytest.mark.parametrize("bad", _BAD)
def test_bad_files_get_one_line_and_exit_code_two(plain: Path, tmp_path: Path, name: str, bad: str) -> None:
    if bad == "cut.h5":
        (tmp_path / bad).write_bytes(plain.read_bytes()[:-1000])
    elif bad != "absent.h5":
        (tmp_path / bad).write_bytes(_BAD[bad])
    before = sorted(tmp_path.iterdir())
    done = script(name, bad, *_SCRIPTS[name], cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"{name}: {bad}: ") and done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_missing_column_is_named(plain: Path, modified: Modify, tmp_path: Path, name: str) -> None:
    def drop(file: h5py.File) -> None:
        del file["summary/speed_ratio"]

    done = script(name, modified(plain, drop), *_SCRIPTS[name], cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "`speed_ratio` is missing" in done.stderr


@pytest.mark.parametrize("name", _SCRIPTS)
def test_an_output_that_cannot_be_written_is_exit_code_one(plain: Path, tmp_path: Path, name: str) -> None:
    options = [*_SCRIPTS[name][:-1], f"absent/{_SCRIPTS[name][-1]}"]
    done = script(name, plain, *options, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "cannot be written" in done.stderr
