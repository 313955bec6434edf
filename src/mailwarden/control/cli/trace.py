"""`mailwarden trace`: what a configuration would do with a message."""

import argparse
import ipaddress
from pathlib import Path

from mailwarden.control.cli.options import (
    Group,
    add_command,
    add_json,
    parse_mid,
    parse_seconds,
)

TIMEOUT_SECONDS = 60.0
_MORE = (
    "Leads a message through the configuration as the gateway would, up to the connection to the "
    "next hop, and shows each decision, the rule that made it and what it cost. Nothing is sent, "
    "counted, written or logged; only the DNS is asked. Works without a running gateway. Ends "
    "with 1 when the message would be refused."
)


def add_trace(commands: Group) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "trace",
        "Show what would become of a message.",
        _MORE,
        "mailwarden trace --client 192.0.2.25 --from ann@partner.example --to bob@corp.example",
        "mailwarden trace --candidate-file new.yaml --listener Out --client 10.0.0.7 "
        "--from bob@corp.example --to ann@partner.example --message mail.eml",
        "mailwarden trace --mid 4711",
    )
    _add_message(parser)
    _add_client(parser)
    parser.add_argument(
        "--candidate-file",
        type=Path,
        metavar="FILE",
        help="try this configuration instead; its relative paths count as if it stood in place of "
        "the present one",
    )
    parser.add_argument(
        "--call-ahead",
        action="store_true",
        help="ask servers behind about recipients where the listener does (default: assume that "
        "they know them)",
    )
    parser.add_argument(
        "--fetch-policies",
        action="store_true",
        help="fetch MTA-STS policies of recipient domains from their hosts",
    )
    parser.add_argument(
        "--timeout",
        type=parse_seconds,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"time for all of it (default: {TIMEOUT_SECONDS:g})",
    )
    add_json(parser)


def _add_message(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="sender", metavar="ADDRESS", help="envelope sender; '' or <> is none"
    )
    parser.add_argument(
        "--to",
        dest="recipients",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="envelope recipient; may be given several times",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--message",
        type=Path,
        metavar="FILE",
        help="the message, as .eml file; - is standard input (default: a short one)",
    )
    what.add_argument(
        "--mid",
        type=parse_mid,
        metavar="MID",
        help="a message in the spool; it also says all that is not given here",
    )


def _add_client(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listener", metavar="NAME", help="listener that takes it (default: the first one)"
    )
    parser.add_argument(
        "--client", type=parse_client, metavar="ADDRESS", help="IP address of the client"
    )
    parser.add_argument(
        "--client-name",
        metavar="NAME",
        help="verified name of the client; '' is none (default: as DNS says)",
    )
    parser.add_argument(
        "--score",
        type=parse_score,
        metavar="SCORE",
        help="reputation of the client, from -10 to 10, or none (default: as providers say)",
    )
    parser.add_argument("--helo", default="", metavar="NAME", help="what the client says in EHLO")
    parser.add_argument(
        "--user", default="", metavar="NAME", help="who logs in; his password is taken for right"
    )
    parser.add_argument("--tls", action="store_true", help="the client uses STARTTLS")


def parse_client(text: str) -> str:
    """Return an IP address. Raises ArgumentTypeError, as all parsers of arguments."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no IP address") from None


def parse_score(text: str) -> float | str:
    """Return a score, or "none"."""
    if text.lower() == "none":
        return "none"
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not -10 <= score <= 10:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no score from -10 to 10, nor none")
    return score
