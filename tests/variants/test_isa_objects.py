"""A file that is compiled for an instruction set defines its table of kernels and no function that another may define.

The linker takes one of several definitions of an inline function or a template; were it one from here, a CPU without the
instruction set would run it.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

OBJECTS = [Path(path) for path in os.environ.get("ISA_OBJECTS", "").split(";") if path]


def defined_for_others(path: Path) -> list[str]:
    """What the linker sees of the object's definitions: global (capitals) and weak symbols, demangled."""
    listed = subprocess.run(["nm", "-C", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    symbols = [line.split(maxsplit=2)[1:] for line in listed.splitlines()]
    return [name for kind, name in symbols if kind.isupper() or kind in "uvw"]


def test_there_is_an_object_for_each() -> None:
    assert len(OBJECTS) in (3, 4, 10, 13), OBJECTS  # kernels, gathering, the neuron's loops; Eigen's products; of bfloat16


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.parents[1].stem)
def test_it_defines_its_table_alone(path: Path) -> None:
    defined = defined_for_others(path)
    (table,) = [name for name in defined if re.fullmatch(r"stepbench::(\w+::)?k(Portable|Avx2|Avx512|Avx512bf16)\w+", name)]
    # A library of templates is in a namespace of the table's name, that nobody else has.
    own = table.rsplit("::", 1)[1] + "::"
    assert [name for name in defined if name != table and own not in name] == []


def test_a_template_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "planted.cpp"
    source.write_text("template <typename T> [[gnu::noinline]] T twice(T x) { return x + x; }\n"
                      "int table(int x) { return twice(x); }\n")  # fmt: skip
    compiled = tmp_path / "planted.o"
    subprocess.run([os.environ.get("CXX", "c++"), "-O2", "-c", source, "-o", compiled], check=True)
    assert sorted(name.split("(")[0] for name in defined_for_others(compiled)) == ["int twice<int>", "table"]
