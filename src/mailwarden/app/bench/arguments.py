"""The command line of `mailwarden bench`."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailwarden.app.bench.profile import PROFILES

PEER_NAMES: Final = ("postfix", "exim", "opensmtpd", "haraka", "floor")
PART_NAMES: Final = ("paired", "idle", "access", "commit", "replay", "growth")

_DESCRIPTION: Final = """\
Measure Mailwarden against other mail servers on this machine, over loopback only.

All targets run in turn, in alternating order, under the same load and with the same next hop; what
counts is the ratio within a round. Each run checks that every accepted message arrived exactly once
and byte-identical; if one did not, the exit status is 1."""

_EPILOG: Final = """\
examples:
  mailwarden bench --quick                     seconds: does everything work?
  mailwarden bench --peers postfix             Postfix only
  mailwarden bench --part idle                 10,000 idle connections
  mailwarden bench --part access               what large access tables cost
  mailwarden bench --part commit               how long commits take, and mail waits
  mailwarden bench --corpus mail.tar.xz        send real messages through
  mailwarden bench --results F --write-docs    write docs/benchmarks.md from an earlier run

Peers need root, as they change to users of their own. Postfix is Debian's package; the others are
fetched by tools/bench/peers.sh. The peer `floor` is no mail server: it only receives, syncs and
forwards, and shows how much of the time is the machine's."""


def add_bench_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `mailwarden bench` to `parser`."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = RawDescriptionHelpFormatter
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--peers",
        type=_names(PEER_NAMES),
        default=None,
        metavar="NAMES",
        help=f"all, none, or some of {', '.join(PEER_NAMES)}; all unless said",
    )
    what.add_argument(
        "--profiles",
        type=_names(tuple(profile.name for profile in PROFILES)),
        default=None,
        metavar="NAMES",
        help=f"all, or some of {', '.join(profile.name for profile in PROFILES)}",
    )
    what.add_argument(
        "--workers",
        type=_counts,
        default=(2, 1),
        metavar="COUNTS",
        help="numbers of Mailwarden's workers, each a target (default: 2,1)",
    )
    what.add_argument(
        "--part",
        action="append",
        choices=PART_NAMES,
        help="only this part; may be given again (default: all but growth)",
    )
    what.add_argument("--long", action="store_true", help="with the part `growth`: minutes more")
    what.add_argument("--quick", action="store_true", help="a smoke run: one round of few messages")
    what.add_argument(
        "--corpus", type=Path, metavar="FOLDER_OR_TAR", help="send these messages through, only"
    )
    size = parser.add_argument_group("how much")
    size.add_argument("--rounds", type=_positive, default=5, metavar="N", help="default: 5")
    size.add_argument(
        "--seconds", type=_positive, default=5, metavar="N", help="length of a run (default: 5)"
    )
    for part, default, of in (
        ("idle", 10_000, "connections"),
        ("replay", 1_000_000, "messages"),
        ("growth", 1_000_000, "messages"),
    ):
        size.add_argument(
            f"--{part}-{of}",
            type=_positive,
            default=default,
            metavar="N",
            help=f"{of} of the part `{part}` (default: {default:,})",
        )
    size.add_argument(
        "--mode",
        choices=("lockstep", "pipelined", "bdat"),
        default="lockstep",
        help="how the load speaks SMTP (default: lockstep)",
    )
    where = parser.add_argument_group("where")
    where.add_argument(
        "--directory",
        type=Path,
        default=Path(".bench"),
        help="folder of tools, queues, peers and results (default: .bench)",
    )
    where.add_argument(
        "--results",
        type=Path,
        action="append",
        metavar="FILE",
        help="measure nothing, show these results (files of an earlier run)",
    )
    where.add_argument(
        "--write-docs", action="store_true", help="write docs/benchmarks.md and its charts"
    )


def _names(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        if text in ("all", "none"):
            return known if text == "all" else ()
        names = tuple(name.strip() for name in text.split(","))
        for name in names:
            if name not in known:
                raise ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000_000):
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
