"""What a file stores of its expectations is in the report, in exported tables and in the table over experiments; nothing is judged anew."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import stepbench_results
from conftest import Modify, script
from inputs import Changes


@pytest.fixture(scope="module")
def expecting(run: Callable[[Changes], Path]) -> Path:
    return run({
        "sweep.backend": "blas,tbb", "sweep.seed": "1,2,3",
        "expect.learns": "best_validation_accuracy >= 0.5", "expect.learns.published": "Nobody 1900, Table 1: 0.99",
        "expect.learns.tolerance": "0.02", "expect.wrong": "best_validation_accuracy <= 0.1",
    })  # fmt: skip


def page_of(path: Path, folder: Path) -> str:
    done = script("report.py", path, "-o", "page.html", cwd=folder)
    assert done.returncode == 0, done
    return (folder / "page.html").read_text()


def test_the_first_screen_and_a_table_of_the_report_tell_the_verdicts(expecting: Path, tmp_path: Path) -> None:
    page = page_of(expecting, tmp_path)
    first_screen = page.split('id="decision"')[1].split("</section>")[0]
    assert "1 of 2 expectations is reproduced; not reproduced: wrong." in first_screen
    table = page.split('id="expectations"')[1].split("</table>")[0]
    for words in ("best_validation_accuracy &gt;= 0.5, tolerance 0.02", "Nobody 1900, Table 1: 0.99", "3 runs",
                  ">not reproduced<", "of 2 combinations"):  # fmt: skip
        assert words in table


def test_a_report_of_a_file_without_expectations_has_no_word_of_them(plain: Path, tmp_path: Path) -> None:
    assert "expectations" not in page_of(plain, tmp_path)


def test_the_report_repeats_what_is_stored(expecting: Path, tmp_path: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        file["expectations/verdict"][1] = "cannot tell"

    page = page_of(modified(expecting, plant), tmp_path)
    assert "1 of 2 expectations is reproduced; cannot tell: wrong." in page


def test_they_are_a_table_of_export(expecting: Path, tmp_path: Path) -> None:
    done = script("export.py", expecting, "--table", "expectations", cwd=tmp_path)
    assert done.returncode == 0, done
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["expectation"], row["verdict"]) for row in rows] == [("learns", "reproduced"), ("wrong", "not reproduced")]


def test_a_file_without_them_has_none_to_export(plain: Path, tmp_path: Path) -> None:
    done = script("export.py", plain, "--table", "expectations", cwd=tmp_path)
    assert done.returncode == 2 and "has no expectations" in done.stderr
    assert stepbench_results.open(plain).expectations.empty


def test_one_table_over_experiments(expecting: Path, plain: Path, tmp_path: Path) -> None:
    done = script("expected_table.py", expecting, expecting, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 6
    assert lines[2].startswith("| small | `best_validation_accuracy >= 0.5` | 0.02 | Nobody 1900, Table 1: 0.99 | ")
    assert lines[2].endswith("3 runs | reproduced |") and lines[3].endswith("| not reproduced |")
    refused = script("expected_table.py", plain, cwd=tmp_path)
    assert refused.returncode == 2 and "no [expect]" in refused.stderr and refused.stderr.count("\n") == 1


def test_evaluations_have_their_steps_and_older_files_none(expecting: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        del file["trials/blas-t1-s1/epochs/step"]

    assert stepbench_results.open(expecting).trial("blas-t1-s1").epochs["step"].tolist() == [12, 24, 36]
    assert stepbench_results.open(modified(expecting, plant)).trial("blas-t1-s1").epochs["step"].isna().all()
