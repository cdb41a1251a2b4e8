"""The picture of what `stepbench_verdict_curves` measured."""

from pathlib import Path

import pytest

from conftest import script

TABLE = "planted_percent rounds runs covered told\n0 8 40 39 1\n0 12 40 38 0\n5 8 40 40 30\n5 12 40 39 40\n"


def test_a_picture_names_every_planted_difference(tmp_path: Path) -> None:
    (tmp_path / "curves.txt").write_text(TABLE)
    done = script("plot_verdict_curves.py", "curves.txt", "-o", "curves.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    picture = (tmp_path / "curves.svg").read_text()
    assert "<!-- 0% -->" in picture and "<!-- 5% -->" in picture and "<!-- planted -->" in picture


@pytest.mark.parametrize("table", ["", "planted rounds\n0 8\n", TABLE.replace("39", "x"), TABLE.splitlines()[0] + "\n"])
def test_another_table_gets_one_line(tmp_path: Path, table: str) -> None:
    (tmp_path / "curves.txt").write_text(table)
    done = script("plot_verdict_curves.py", "curves.txt", "-o", "curves.svg", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "curves.txt: " in done.stderr, done
    assert not (tmp_path / "curves.svg").exists()
