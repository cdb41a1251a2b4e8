"""How large a difference is still none: what verdicts are held against, and the options that set it.

The defaults are those of `stepbench compare`; tests/compare holds the two together.
"""

import argparse
import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Margin:
    value: float
    relative: bool  # a fraction of the magnitude of the baseline's mean


@dataclass(frozen=True)
class Margins:
    speed: float = 0.05
    loss: Margin = Margin(0.01, True)
    accuracy: Margin = Margin(0.005, False)
    loss_tolerance: float = 1e-3  # relative, of the training losses of the same step


def add_margin_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--speed-margin", dest="speed", type=_speed_margin, metavar="P%",
                        help="speeds are the same within P%%; default 5%%")  # fmt: skip
    parser.add_argument("--loss-margin", dest="loss", type=_loss_margin, metavar="M",
                        help="loss differences within M (0.01) or P%% of the baseline's loss are none; default 1%%")  # fmt: skip
    parser.add_argument("--accuracy-margin", dest="accuracy", type=_accuracy_margin, metavar="M",
                        help="the same of accuracies; default 0.005")  # fmt: skip
    parser.add_argument("--loss-tolerance", type=_not_negative, metavar="R",
                        help="losses of a step part when they differ by over R of the larger; default 0.001")  # fmt: skip


def margins_of(options: argparse.Namespace) -> Margins:
    given = {field.name: getattr(options, field.name) for field in fields(Margins)}
    return Margins(**{name: value for name, value in given.items() if value is not None})


def _speed_margin(text: str) -> float:
    if not text.endswith("%"):  # 5 would be 500 %
        raise argparse.ArgumentTypeError(f'found "{text}", allowed: a percentage from 0% on, as in 5%')
    return _not_negative(text)


def _loss_margin(text: str) -> Margin:
    return Margin(_not_negative(text), text.endswith("%"))


def _accuracy_margin(text: str) -> Margin:
    return Margin(_not_negative(text), False)


def _not_negative(text: str) -> float:
    """`1%` is 0.01."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f'found "{text}", allowed: a number from 0 on')
    return value
