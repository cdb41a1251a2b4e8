"""What the faulty peers are built on: the example, which is sound, and where its modules are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts" / "peers"))

import stepbench_peer  # noqa: E402, F401
from example import Example, unsupported  # noqa: E402, F401
from stepbench_peer import Named, np, serve  # noqa: E402, F401
