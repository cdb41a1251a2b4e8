"""The FMA peak's loops, disassembled: as this build compiled them, and as other compilers of this machine do. The limit
that every trial is held against is only one if the loop does nothing but FMAs in registers."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from disassembly import faults, functions

_COMPILERS = ("g++", "clang++")
_OPTIMISATIONS = ("-O0", "-O2", "-O3", "-O3 -march=native", "-O1 -g -fsanitize=address,undefined")
_EXPECTED = {"avx512": (24, "zmm"), "avx512bf16": (24, "zmm"), "avx2": (12, "ymm")}  # chains and registers; portable has no FMA to look for

if platform.machine() != "x86_64":
    pytest.skip("the loops are read as x86-64 code only", allow_module_level=True)
if shutil.which("objdump") is None:
    pytest.skip("objdump (Debian: binutils) is not installed", allow_module_level=True)


def from_environment(variable: str) -> dict[str, str]:
    """`a=x|b=y`"""
    pairs = os.environ.get(variable, "")
    assert pairs, f"set {variable}, as tests/machine/CMakeLists.txt does"
    return dict(pair.split("=", 1) for pair in pairs.split("|"))


def loop_faults(binary: Path, loop: str) -> dict[str, list[str]]:
    """Of each instance, float and double, by function name."""
    command = ["objdump", "--disassemble", "--demangle", "--no-show-raw-insn", str(binary)]
    text = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    bodies = {name: body for name, body in functions(text).items() if "run_fma_loop<" in name}
    types = 1 if loop == "avx512bf16" else 2
    assert len(bodies) == types, f"{binary}: expected a loop for float and one for double, or one of bfloat16, found {list(bodies)}"
    return {name: faults(body, *_EXPECTED[loop]) for name, body in bodies.items()}


@pytest.mark.parametrize("loop", _EXPECTED)
def test_this_build(loop: str) -> None:
    binary = Path(from_environment("FMA_LOOP_OBJECTS")[loop])
    if binary.read_bytes()[:4] != b"\x7fELF":
        pytest.skip("no machine code before linking (-flto)")
    assert not any(loop_faults(binary, loop).values()), loop_faults(binary, loop)


@pytest.mark.parametrize("optimisation", _OPTIMISATIONS)
@pytest.mark.parametrize("loop", _EXPECTED)
@pytest.mark.parametrize("compiler", _COMPILERS)
def test_every_compiler_and_build_type(compiler: str, loop: str, optimisation: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    sources = Path(os.environ["SOURCES"])
    binary = tmp_path / f"{loop}.o"
    options = f"-std=c++20 {optimisation} {from_environment('FMA_LOOP_OPTIONS')[loop]}".split()
    source = sources / "experiments" / "machine" / f"fma_loop_{loop}.cpp"
    subprocess.run([compiler, *options, "-I", str(sources), "-c", str(source), "-o", str(binary)], check=True)
    assert not any(loop_faults(binary, loop).values()), loop_faults(binary, loop)


_GOOD = """
0000000000000000 <run>:
   0:\tvbroadcastss 0x0(%rip),%ymm4        # 9 <run+0x9>
   9:\tnopl   0x0(%rax)
  10:\tvfmadd132ps %ymm4,%ymm3,%ymm0
  15:\tvfmadd132ps %ymm4,%ymm3,%ymm1
  1a:\tadd    $0x1,%rax
  1e:\tcmp    %rax,%rdi
  21:\tjne    10 <run+0x10>
  23:\tret
"""


def test_a_good_loop_passes() -> None:
    assert faults(functions(_GOOD)["run"], 2, "ymm") == []


@pytest.mark.parametrize(
    ("change", "to", "fault"),
    [
        ("%ymm4,%ymm3,%ymm1", "0x20(%rsp),%ymm3,%ymm1", "touches memory"),
        ("add    $0x1,%rax", "vmovaps %ymm1,0x20(%rsp)", "touches memory"),
        ("%ymm4,%ymm3,%ymm1", "%xmm4,%xmm3,%xmm1", "other registers"),
        ("%ymm4,%ymm3,%ymm1", "%ymm4,%ymm3,%ymm0", "1 accumulators"),
        ("vfmadd132ps %ymm4,%ymm3,%ymm1", "vaddps %ymm4,%ymm3,%ymm1", "1 FMAs"),
        ("jne    10 <run+0x10>", "jne    23 <run+0x23>", "no loop"),
        ("ret", "jmp    9 <run+0x9>", ""),
    ],
)
def test_a_bad_loop_is_found(change: str, to: str, fault: str) -> None:
    assert change in _GOOD
    found = faults(functions(_GOOD.replace(change, to))["run"], 2, "ymm")
    assert any(fault in f for f in found) if fault else found == []


def test_copies_between_registers_are_found() -> None:
    copies = "".join(f"  1{c}:\tvmovaps %ymm{i},%ymm9\n" for i, c in enumerate("bcd"))
    assert any("beside" in f for f in faults(functions(_GOOD.replace("  1e:", copies + "  1e:"))["run"], 2, "ymm"))
