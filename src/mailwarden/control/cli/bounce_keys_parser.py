"""The arguments of `mailwarden bounce-keys`."""

from typing import Final

from mailwarden.control.cli.options import Group, add_command

PURGES: Final = ("month", "three-months", "six-months", "year", "all")


def add_bounce_keys(commands: Group) -> None:
    """Add the command to the parser."""
    keys = add_command(
        commands,
        "bounce-keys",
        "Keep the keys of bounce verification.",
        "They stand in `bounce-keys` in the state directory, or in the file that "
        "`bounce_verification.keys_file` names. `mailwarden reload` makes a change valid.",
        "mailwarden bounce-keys new",
        "mailwarden bounce-keys purge --unused year",
    )
    actions = keys.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    new = add_command(
        actions,
        "new",
        "Make a new key the current one.",
        "Bounces to mail that left with the one before are known for 7 more days.",
        "mailwarden bounce-keys new",
        "mailwarden bounce-keys new --given < key",
    )
    new.add_argument(
        "--given",
        action="store_true",
        help="ask for the key, or read it from the first line of standard input: so that several "
        "gateways have the same one",
    )
    listing = add_command(
        actions, "list", "List the keys.", "", "mailwarden bounce-keys list --secrets"
    )
    listing.add_argument(
        "--secrets", action="store_true", help="show the keys themselves, for another gateway"
    )
    purge = add_command(
        actions,
        "purge",
        "Remove keys that nobody has used for long.",
        "The current key always stays.",
        "mailwarden bounce-keys purge --unused six-months",
    )
    purge.add_argument(
        "--unused",
        choices=PURGES,
        required=True,
        help="for how long; `all` removes every key but the current one",
    )
