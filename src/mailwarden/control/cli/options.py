"""What the options of several commands have in common: how they are read and explained."""

import argparse
import ipaddress
from pathlib import Path
from typing import Any, Final

from mailwarden.control.cli.config_file import VARIABLE

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Group = Any  # argparse gives its sub-commands no public type


def add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Let --config stand before and behind the command; the latter must not undo the former."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help=f"configuration file; else ${VARIABLE}, ./mailwarden.yaml or "
        "/etc/mailwarden/mailwarden.yaml",
    )


def add_command(
    group: Group, name: str, summary: str, more: str, *examples: str
) -> argparse.ArgumentParser:
    """Add a command to `group`; `summary` is a sentence, `more` follows it in its own help."""
    shown = "".join(f"  {example}\n" for example in examples)
    parser: argparse.ArgumentParser = group.add_parser(
        name,
        help=f"{summary[0].lower()}{summary[1:].rstrip('.')}",
        description=f"{summary} {more}".rstrip(),
        epilog=f"example{'s' if len(examples) > 1 else ''}:\n{shown}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    add_config(parser, argparse.SUPPRESS)
    return parser


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions, but leaves the examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command write JSON."""
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")


def add_mid(parser: argparse.ArgumentParser) -> None:
    """Let a command be about one message, `arguments.mid`."""
    parser.add_argument("mid", type=parse_mid, metavar="MID", help="message id, as in the log")


def parse_mid(text: str) -> int:
    """Return a message id. Raises ArgumentTypeError, as all below."""
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 19 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a message id; write 4711")
    return int(text)


def parse_count(text: str) -> int:
    """Return a number of messages."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of messages")
    return int(text)


def parse_seconds(text: str) -> float:
    """Return the seconds between two looks."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time from 0.1 to 3600 seconds")
    return seconds


def parse_grace(text: str) -> float:
    """Return the seconds that something gets to finish."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= 86_400):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of seconds up to 86400")
    return float(text)


def parse_duration(text: str) -> float:
    """Return the seconds of `45s`, `30m`, `3h` or `2d`."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdecimal() and len(number) < 8 and unit in _SECONDS):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time; write 45s, 30m, 3h or 2d")
    return float(int(number) * _SECONDS[unit])


def parse_names(text: str) -> list[str]:
    """Return the names in a list with commas, in lower case."""
    names = [name.strip().lower() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} has an empty name in it")
    return names


def parse_host_or_sender(text: str) -> str:
    """Return an IP address, or the mail address of a sender, without angle brackets around it."""
    name = text.strip().lower().removeprefix("<").removesuffix(">")
    local, _, domain = name.rpartition("@")
    if local and domain:
        return name
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is neither; write 192.0.2.25 or ann@partner.example"
        ) from None


def parse_address(text: str) -> str:
    """Return a mail address in lower case, without angle brackets around it."""
    address = text.strip().lower()
    if address != "<>" and address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    if address != "<>" and not address.partition("@")[2]:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not an address; write ann@corp.example, or @corp.example for all"
        )
    return address
