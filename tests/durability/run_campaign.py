"""The long runs of the campaigns: run_campaign.py NAME... [--count N] writes figures/NAME.json, from which update_table.py
makes the table in tests/README.md. Needs the built program and shim; takes from a minute (each-call) to half an hour.
"""

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import campaigns
import limits
from campaigns import Bench, Tally

REPOSITORY = Path(__file__).resolve().parents[2]
FIGURES = Path(__file__).resolve().parent / "figures"


def each_call(bench: Bench, count: int, seed: int) -> Tally:
    """All variants of a kill at each call."""
    total = Tally()
    for links, overwrite in ((0, False), (0, True), (1, False), (2, False)):
        tally = campaigns.kill_at_each_call(bench, links=links, overwrite=overwrite)
        total.attempts += tally.attempts
        total.broken += tally.broken
    return total


CAMPAIGNS: dict[str, tuple[int, Callable[[Bench, int, int], Tally]]] = {
    "kill-random": (1000, campaigns.kill_at_random_moments),
    "kill-each-call": (0, each_call),
    "kill-checkpoints": (200, campaigns.kill_during_checkpoints),
    "fail-each-call": (0, lambda bench, count, seed: campaigns.fail_each_call(bench)),
    "full-disk": (0, lambda bench, count, seed: campaigns.fill_the_disk(bench, range(16, 1100, 24))),
    "limits": (0, limits.campaign),
    "interrupt-random": (200, lambda bench, count, seed: campaigns.interrupt_at_random_times(bench, count, seed, 2.0)),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=CAMPAIGNS, metavar="NAME", help=", ".join(CAMPAIGNS))
    parser.add_argument("--count", type=int, help="attempts; default 1000 kills, 200 kills during checkpoints, 200 interrupts")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--build", type=Path, default=REPOSITORY / "build" / "release", help="default: build/release")
    parser.add_argument("--program", type=Path, help="default: BUILD/stepbench")
    parser.add_argument("--shim", type=Path, help="default: BUILD/tests/durability/libfault_shim.so")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="folder for the figures")
    arguments = parser.parse_args()
    program = (arguments.program or arguments.build / "stepbench").resolve()
    shim = (arguments.shim or arguments.build / "tests" / "durability" / "libfault_shim.so").resolve()
    for path in (program, shim):
        if not path.is_file():
            print(f"run_campaign.py: there is no {path}; build first, or name it", file=sys.stderr)
            return 2
    if "full-disk" in arguments.names and not campaigns.can_mount():
        print("run_campaign.py: full-disk takes root and the right to mount", file=sys.stderr)
        return 2
    failed = False
    for name in arguments.names:
        count, campaign = CAMPAIGNS[name]
        with tempfile.TemporaryDirectory() as folder:
            tally = campaign(Bench(program, shim, Path(folder)), arguments.count or count, arguments.seed)
        figures = {
            "attempts": tally.attempts,
            "broken": len(tally.broken),
            "date": datetime.date.today().isoformat(),
            "notes": {key: round(value, 2) for key, value in tally.notes.items()},
        } | ({"rows": tally.rows} if tally.rows else {})
        arguments.figures.mkdir(parents=True, exist_ok=True)
        (arguments.figures / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
        print(f"{name}: {tally.attempts} attempts, {len(tally.broken)} promises broken, {figures['notes']}")
        print(*tally.broken, sep="\n", end="\n" if tally.broken else "")
        failed = failed or bool(tally.broken)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
