"""`stepbench doctor` as a user runs it. What it finds depends on the machine; that it says it does not."""

import json
import os
import subprocess
from pathlib import Path

import pytest

_LONGEST = 60  # s; it takes about 5
_PROGRAM = Path(os.environ.get("STEPBENCH", "stepbench")).resolve()


def doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(_PROGRAM), "doctor", *options],
        capture_output=True,
        timeout=_LONGEST,
        encoding="utf-8",
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def text() -> str:
    done = doctor()
    assert done.returncode == 0, done
    return done.stdout


@pytest.mark.parametrize("section", ["The machine", "This program", "Limits, measured (float32)", "Noise"])
def test_every_section_is_there(text: str, section: str) -> None:
    assert section in text.splitlines()


@pytest.mark.parametrize("check", ["processor", "cores", "build", "BLAS kernels", "FMA peak", "matrix product"])
def test_a_check_has_one_line_with_its_verdict(text: str, check: str) -> None:
    lines = [line for line in text.splitlines() if line[11:].startswith(check + "  ")]
    assert len(lines) == 1, text
    assert lines[0].split()[0] in ("ok", "note", "warning")


def test_no_colour_where_there_is_no_terminal(text: str) -> None:
    assert "\x1b" not in text


def test_every_figure_is_a_number(text: str) -> None:
    assert "nan" not in text.replace("nano", "") and "inf " not in text, text


def test_json_and_a_wrong_blas_core() -> None:
    """Both in one run: the program takes its seconds. OpenBLAS always has its oldest kernels."""
    done = doctor("--format", "json", OPENBLAS_CORETYPE="Prescott")
    assert done.returncode == 0, done
    findings = json.loads(done.stdout)
    assert {"section", "check", "verdict", "sees", "means", "advice"} == set(findings[0])
    kernels = next(f for f in findings if f["check"] == "BLAS kernels")
    if "AVX" not in next(f for f in findings if f["check"] == "processor")["sees"]:
        pytest.skip("this CPU has nothing better than Prescott's kernels")
    assert kernels["verdict"] == "warning"
    assert "OPENBLAS_CORETYPE=Prescott" in kernels["sees"]
    assert "unset OPENBLAS_CORETYPE" in kernels["advice"]


def test_a_bad_format() -> None:
    done = doctor("--format", "xml")
    assert done.returncode == 2
    assert done.stderr == 'stepbench: --format: found "xml", allowed: text, json\n'
