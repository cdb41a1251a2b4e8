"""Loops in the text that `objdump -d` prints (x86-64, AT&T), and what is wrong with them as FMA peak loops."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
_INSTRUCTION = re.compile(r"^\s+(?P<address>[0-9a-f]+):\s+(?P<name>\S+)\s*(?P<operands>[^#]*)")
_MEMORY = re.compile(r"\([%,]")  # 0x20(%rsp), (,%rax,8); not the brackets of a function's name
_JUMP_TARGET = re.compile(r"^(?P<address>[0-9a-f]+) <")


@dataclass(frozen=True)
class Instruction:
    address: int
    name: str
    operands: str

    @property
    def is_multiply_add(self) -> bool:
        return self.name.startswith(("vfmadd", "vdpbf16ps"))

    @property
    def touches_memory(self) -> bool:
        """Any memory operand but that of an address computation or of a no-op that aligns."""
        return bool(_MEMORY.search(self.operands)) and not self.name.startswith(("lea", "nop", "data16", "cs"))

    @property
    def destination(self) -> str:
        return self.operands.rsplit(",", 1)[-1].strip()


def functions(disassembly: str) -> dict[str, list[Instruction]]:
    found: dict[str, list[Instruction]] = {}
    body: list[Instruction] = []
    for line in disassembly.splitlines():
        if match := _FUNCTION.match(line):
            body = found.setdefault(match["name"], [])
        elif match := _INSTRUCTION.match(line):
            body.append(Instruction(int(match["address"], 16), match["name"], match["operands"].strip()))
    return found


def innermost_loops(body: list[Instruction]) -> Iterator[list[Instruction]]:
    """From the target of a backward jump to the jump, where no other such range lies within."""
    ranges = []
    for instruction in body:
        target = _JUMP_TARGET.match(instruction.operands) if instruction.name.startswith("j") else None
        if target and body[0].address <= int(target["address"], 16) <= instruction.address:
            ranges.append((int(target["address"], 16), instruction.address))
    for first, last in ranges:
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in ranges):
            yield [i for i in body if first <= i.address <= last]


def faults(body: list[Instruction], chains: int, register: str) -> list[str]:
    """What keeps a function from being a loop of `chains` independent FMAs on `register` (zmm, ymm) alone. A compiler
    may unroll it, and then finish with a loop that is not."""
    loops = [loop for loop in innermost_loops(body) if any(i.is_multiply_add for i in loop)]
    if not loops:
        return ["no loop with an FMA"]
    found = []
    for loop in loops:
        fmas = [i for i in loop if i.is_multiply_add]
        found += [f"touches memory: {i.name} {i.operands}" for i in loop if i.touches_memory]
        found += [f"other registers: {i.name} {i.operands}" for i in fmas if i.operands.count(f"%{register}") != 3]
        destinations = {i.destination for i in fmas}
        if len(destinations) != chains:
            found.append(f"{len(destinations)} accumulators, not {chains}")
        if len(fmas) % chains != 0:
            found.append(f"{len(fmas)} FMAs, no multiple of {chains}")
        # Counting and jumping; a compiler that copies registers about would be slower than the units.
        if len(loop) - len(fmas) > 3:
            found.append(f"{len(loop) - len(fmas)} instructions beside the FMAs")
    return found
