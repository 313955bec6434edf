"""`mailwarden support`: a bundle for somebody who is to help, also when no gateway runs."""

from pathlib import Path

from mailwarden.control.cli.options import Group, add_command


def add_support(commands: Group) -> None:
    """Add `support` and what it can do."""
    parser = add_command(
        commands,
        "support",
        "Make a bundle for somebody who is to help.",
        "It has the status, the configuration with asterisks for secrets, the versions, and the "
        "last 2 MiB of each log: no keys, no passwords.",
        "mailwarden support bundle support.tgz",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    bundle = add_command(
        actions,
        "bundle",
        "Write a support bundle to a file.",
        "The configuration is that of the file; `supportrequest` of the command line has what was "
        "committed. Works without the gateway.",
        "mailwarden support bundle support.tgz",
    )
    bundle.add_argument("file", type=Path, metavar="FILE", help="where it goes; must not be there")
