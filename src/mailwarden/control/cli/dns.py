"""`mailwarden dns`: lets the gateway forget what name servers said."""

from mailwarden.control.cli.options import Group, add_command


def add_dns(commands: Group) -> None:
    """Add `dns` and what it can do."""
    parser = add_command(
        commands,
        "dns",
        "Forget what name servers said.",
        "",
        "mailwarden dns flush",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    flush = add_command(
        actions,
        "flush",
        "Forget all answers, so that name servers are asked again.",
        "Of use when a domain has moved, or a name server said something wrong.",
        "mailwarden dns flush",
        "mailwarden dns flush --lists",
    )
    flush.add_argument(
        "--lists",
        action="store_true",
        help="forget which hosts are on the DNS lists of host access tables, too",
    )
