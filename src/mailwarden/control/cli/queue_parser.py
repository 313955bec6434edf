"""The options of `mailwarden queue`."""

import argparse
from pathlib import Path
from typing import Final

from mailwarden.control.cli.options import (
    Group,
    add_command,
    add_json,
    add_mid,
    parse_address,
    parse_count,
    parse_duration,
    parse_grace,
    parse_mid,
    parse_names,
)
from mailwarden.control.cli.queue_hosts import SORTED_BY
from mailwarden.control.cli.queue_rates import add_rates

LIST_LIMIT: Final = 1000
TOP_HOSTS: Final = 20
GRACE_SECONDS: Final = 30.0


def add_queue(commands: Group) -> None:
    """Add `queue` and all that it can do."""
    queue = add_command(
        commands,
        "queue",
        "Look at the mail in the running gateway, and steer it.",
        "",
        "mailwarden queue list",
        "mailwarden queue retry corp.example",
    )
    actions = queue.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    listing = add_command(
        actions,
        "list",
        "List the messages that are waiting.",
        "All that is said has to be true of a recipient that is still to be served. With --json, "
        "each message is one line.",
        "mailwarden queue list --limit 20",
        "mailwarden queue list --recipient-host corp.example --older-than 1d",
    )
    _add_selection(listing)
    add_json(listing)
    _add_limit(listing)
    show = add_command(
        actions,
        "show",
        "Show one message: envelope, recipients, header.",
        "",
        "mailwarden queue show 4711",
    )
    add_mid(show)
    add_json(show)
    oldest = add_command(
        actions,
        "oldest",
        "Show the message that has waited for delivery for the longest time.",
        "",
        "mailwarden queue oldest",
    )
    add_json(oldest)
    archive = add_command(
        actions,
        "archive",
        "Write a message to a file.",
        "The bytes are those that would leave: with the Received line of the gateway on top. "
        "Nothing is taken out of the queue.",
        "mailwarden queue archive 4711 /root/4711.eml",
        "mailwarden queue archive 4711 - | less",
    )
    add_mid(archive)
    archive.add_argument(
        "--mbox",
        action="store_true",
        help="in the form of a mailbox file: a From line on top, lines end with LF",
    )
    archive.add_argument(
        "file", type=Path, metavar="FILE", help="a new file, `-` is standard output"
    )
    summary = add_command(
        actions,
        "summary",
        "Show how much is waiting, and for whom.",
        "",
        "mailwarden queue summary",
    )
    add_json(summary)
    _add_switches(actions)
    hold = add_command(
        actions, "hold", "Keep a message until it is released.", "", "mailwarden queue hold 4711"
    )
    add_mid(hold)
    release = add_command(
        actions, "release", "Let a held message go on.", "", "mailwarden queue release 4711"
    )
    add_mid(release)
    retry = add_command(
        actions,
        "retry",
        "Try delivery now, whatever the retry schedule says.",
        "Hosts that are taken to be down are tried as well.",
        "mailwarden queue retry corp.example",
        "mailwarden queue retry all",
    )
    retry.add_argument(
        "domain", nargs="?", default="all", metavar="DOMAIN", help="recipient domain (default: all)"
    )
    _add_hosts(actions)
    add_rates(actions)
    _add_operations(actions)


def _add_hosts(actions: Group) -> None:
    hosts = add_command(
        actions,
        "hosts",
        "Show the destinations of mail: what waits, what was delivered, what failed.",
        "Counters are since the start of the workers; hosts is what the SMTP routes say, or the "
        "domain. With a domain, all that is known of it. With --json, each host is one line.",
        "mailwarden queue hosts --sort soft-bounced",
        "mailwarden queue hosts corp.example",
    )
    hosts.add_argument("domain", nargs="?", metavar="DOMAIN", help="recipient domain, or host")
    hosts.add_argument(
        "--sort",
        choices=list(SORTED_BY),
        default="waiting",
        metavar="BY",
        help=f"{', '.join(SORTED_BY)}; the most first (default: waiting)",
    )
    hosts.add_argument(
        "--top",
        type=parse_count,
        default=TOP_HOSTS,
        metavar="N",
        help=f"hosts shown; 0 is all (default: {TOP_HOSTS})",
    )
    add_json(hosts)


def _add_switches(actions: Group) -> None:
    add_command(
        actions,
        "pause",
        "Stop the work queue.",
        "Mail is taken and kept, but goes no further until it is resumed, also after a restart.",
        "mailwarden queue pause",
    )
    suspend = add_command(
        actions,
        "suspend",
        "Stop delivery, or the taking of mail.",
        "What is being transmitted at that moment, and connections that are open, get some time to "
        "finish. It lasts until it is resumed, also after a restart.",
        "mailwarden queue suspend delivery",
        "mailwarden queue suspend listener IncomingMail",
        "mailwarden queue suspend all",
    )
    suspend.add_argument(
        "what",
        choices=["delivery", "listener", "all"],
        metavar="WHAT",
        help="`delivery`, `listener`, or `all` for delivery and all listeners",
    )
    resume = add_command(
        actions,
        "resume",
        "Let the work queue, delivery or a listener go on.",
        "`all` is what `queue suspend all` stops.",
        "mailwarden queue resume",
        "mailwarden queue resume delivery",
    )
    resume.add_argument(
        "what",
        nargs="?",
        default="work-queue",
        choices=["work-queue", "delivery", "listener", "all"],
        metavar="WHAT",
        help="`work-queue` (default), `delivery`, `listener` or `all`",
    )
    suspend.add_argument(
        "--seconds",
        type=parse_grace,
        default=GRACE_SECONDS,
        metavar="N",
        help="time that what is open gets to finish before it is broken off "
        f"(default: {GRACE_SECONDS:g})",
    )
    for parser in (suspend, resume):
        parser.add_argument(
            "listener",
            nargs="?",
            default="",
            metavar="NAME",
            help="name of the listener (default: all of them)",
        )


_REDIRECT_HELP: Final = (
    "What waits until now goes there instead, whatever its domain and the SMTP routes say; what "
    "comes later does not. If the host does not accept it, it is returned to its senders. It lasts "
    "until it is cancelled, also after a restart. Without --to, the redirects are listed."
)


def _add_redirect(actions: Group) -> None:
    redirect = add_command(
        actions,
        "redirect",
        "Send mail that waits for delivery to another host.",
        _REDIRECT_HELP,
        "mailwarden queue redirect --to relay.example --all",
        "mailwarden queue redirect --to 10.0.0.9:2525 --recipient-host corp.example",
        "mailwarden queue redirect",
        "mailwarden queue redirect --cancel 1",
    )
    _add_selection(redirect)
    redirect.add_argument("--to", metavar="HOST[:PORT]", help="where it goes instead")
    redirect.add_argument("--all", action="store_true", help="everything that waits")
    redirect.add_argument(
        "--cancel",
        type=_number_or_all,
        metavar="NUMBER",
        help="end this redirect, or `all`: mail goes where it went before",
    )
    _add_caution(redirect)


def _number_or_all(text: str) -> int | str:
    return text if text == "all" else parse_count(text)


_DELETE_HELP: Final = (
    "Nobody is told. What was deleted is kept for a day: `mailwarden queue restore` brings it "
    "back. Recipients that are being delivered to at that moment are left alone."
)
_RESET_HELP: Final = (
    "In the work queue, for delivery, or held. Only while delivery and all listeners are "
    "suspended; asks twice. What was deleted is kept as that of `queue delete`: `queue restore "
    "--all` brings it back for a day."
)
_BOUNCE_HELP: Final = (
    "They get a report that says `Message bounced by administrator`. This cannot be undone."
)


def _add_operations(actions: Group) -> None:
    for name, summary, more in (
        ("delete", "Delete mail that waits for delivery.", _DELETE_HELP),
        ("bounce", "Return mail that waits for delivery to its senders.", _BOUNCE_HELP),
    ):
        parser = add_command(
            actions,
            name,
            summary,
            more,
            f"mailwarden queue {name} 4711",
            f"mailwarden queue {name} --recipient-host corp.example --older-than 1d",
            f"mailwarden queue {name} --sender ann@partner.example --dry-run",
            f"mailwarden queue {name} --all --yes",
        )
        _add_selection(parser)
        parser.add_argument("--all", action="store_true", help="everything that waits")
        _add_caution(parser)
    reset = add_command(
        actions,
        "reset",
        "Delete every message, wherever it waits.",
        _RESET_HELP,
        "mailwarden queue suspend all && mailwarden queue reset",
    )
    _add_caution(reset)
    _add_redirect(actions)
    restore = add_command(
        actions,
        "restore",
        "Bring deleted mail back.",
        "It waits again where it waited before.",
        "mailwarden queue restore 4711",
        "mailwarden queue restore --all",
    )
    restore.add_argument(
        "mids", nargs="*", type=parse_mid, metavar="MID", help="message ids, as in the log"
    )
    restore.add_argument("--all", action="store_true", help="everything that was deleted")
    add_json(restore)
    deleted = add_command(
        actions,
        "deleted",
        "List the deleted mail that can be brought back.",
        "With --json, each message is one line.",
        "mailwarden queue deleted",
    )
    add_json(deleted)
    _add_limit(deleted)


def _add_caution(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only count what would be touched")
    parser.add_argument("--yes", action="store_true", help="do not ask before")
    add_json(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    """Let a command be about some of the mail; all that is said has to be true of it."""
    parser.add_argument(
        "mids", nargs="*", type=parse_mid, metavar="MID", help="message ids, as in the log"
    )
    parser.add_argument(
        "--recipient-host",
        action="extend",
        type=parse_names,
        default=[],
        metavar="DOMAIN[,DOMAIN]",
        help="mail to these domains; `.corp.example` is all below corp.example",
    )
    parser.add_argument(
        "--sender",
        action="append",
        type=parse_address,
        default=[],
        metavar="ADDRESS",
        help="mail from this envelope sender; `@partner.example` is a whole domain, `<>` are "
        "bounces; may be given again",
    )
    parser.add_argument(
        "--recipient",
        action="append",
        type=parse_address,
        default=[],
        metavar="ADDRESS",
        help="mail to this recipient, the others of a message are left alone; may be given again",
    )
    parser.add_argument(
        "--mid",
        action="append",
        type=parse_mid,
        default=[],
        metavar="MID",
        help="the same as MID alone; may be given again",
    )
    parser.add_argument(
        "--older-than",
        type=parse_duration,
        metavar="TIME",
        help="mail that was received before that time: 45s, 30m, 3h, 2d",
    )


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=parse_count,
        default=LIST_LIMIT,
        metavar="N",
        help=f"messages shown of each worker; 0 is all (default: {LIST_LIMIT})",
    )
