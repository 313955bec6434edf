"""The arguments of `mailwarden updates`."""

import argparse
from pathlib import Path
from typing import Final

from mailwarden.control.cli.options import Group, add_command

DAYS_MAX: Final = 3650


def parse_days(text: str) -> int:
    """Return a number of days.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= DAYS_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"needs a number of days from 1 to {DAYS_MAX}")


def add_updates(commands: Group) -> None:
    """Add the command to the parser."""
    updates = add_command(
        commands,
        "updates",
        "Offer updates from a server or folder of your own.",
        "The gateway takes only what a key that it was given has signed.",
        "mailwarden updates sign --key private.pem /srv/updates reputation/2010.11.9",
    )
    actions = updates.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True
    )
    sign = add_command(
        actions,
        "sign",
        "Write the signed list of updates.",
        "Writes updates.xml and updates.xml.sig into FOLDER, whose files then are ready to be "
        "served. What is named replaces the list that is there.",
        "mailwarden updates sign --key private.pem /srv/updates reputation/2010.11.9",
    )
    sign.add_argument("folder", type=Path, metavar="FOLDER", help="folder that the server shows")
    sign.add_argument(
        "versions",
        nargs="+",
        metavar="COMPONENT/VERSION",
        help="folder in it with the files of that version",
    )
    sign.add_argument(
        "--key", type=Path, required=True, help="PEM file with the private key (Ed25519)"
    )
    sign.add_argument(
        "--days",
        type=parse_days,
        help="how long the list is good: a gateway that sees no newer one then says so",
    )
