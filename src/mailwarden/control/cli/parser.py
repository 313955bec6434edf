"""The commands and their options, each with help that explains itself.

`docs/reference/commands.md` is written from this tree.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mailwarden.control.cli.config_file import VARIABLE

LIST_LIMIT: Final = 1000
WATCH_SECONDS: Final = 2.0
_EXIT_CODES: Final = """\
exit codes:
  0  done
  1  a problem was found: in the configuration, a message or the spool
  2  the command was not understood
  3  no gateway is running
"""

AddArguments = Callable[[argparse.ArgumentParser], None]
_Group = Any  # argparse gives its sub-commands no public type


def build_parser(add_bench_arguments: AddArguments | None = None) -> argparse.ArgumentParser:
    """Return the parser of `mailwarden`; `add_bench_arguments` gives `bench` its options.

    A command is `arguments.command`, its sub-command, where it has one, `arguments.action`.
    """
    parser = argparse.ArgumentParser(
        prog="mailwarden",
        description="Mailwarden receives, keeps, routes and delivers mail.",
        epilog=f"example:\n  mailwarden run --demo\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_config(parser, None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_run(commands)
    _add_check(commands)
    _add_status(commands)
    _add_queue(commands)
    _add_spool(commands)
    _command(
        commands,
        "reload",
        "Read the configuration file anew, without a break in the mail.",
        "Open connections finish under the old configuration. A file with problems changes "
        "nothing; the problems are shown.",
        "mailwarden check && mailwarden reload",
    )
    bench = _command(
        commands,
        "bench",
        "Measure how fast this machine passes mail on.",
        "Runs gateways of its own on loopback ports, never the one that is in service.",
        "mailwarden bench",
    )
    if add_bench_arguments is not None:
        add_bench_arguments(bench)
    _add_credentials(commands)
    _command(commands, "version", "Show the version.", "", "mailwarden version")
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Let --config stand before and behind the command; the latter must not undo the former."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help=f"configuration file; else ${VARIABLE}, ./mailwarden.yaml or "
        "/etc/mailwarden/mailwarden.yaml",
    )


def _command(
    group: _Group, name: str, summary: str, more: str, *examples: str
) -> argparse.ArgumentParser:
    shown = "".join(f"  {example}\n" for example in examples)
    parser: argparse.ArgumentParser = group.add_parser(
        name,
        help=f"{summary[0].lower()}{summary[1:].rstrip('.')}",
        description=f"{summary} {more}".rstrip(),
        epilog=f"example{'s' if len(examples) > 1 else ''}:\n{shown}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    _add_config(parser, argparse.SUPPRESS)
    return parser


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions, but leaves the examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


def _add_run(commands: _Group) -> None:
    parser = _command(
        commands,
        "run",
        "Run the gateway.",
        "Stays in the foreground until it is told to stop: SIGTERM and SIGINT finish what is open, "
        "SIGHUP reads the configuration anew.",
        "mailwarden run --demo",
        "mailwarden --config /etc/mailwarden/mailwarden.yaml run",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="use the demonstration configuration: ports 2525 and 2526 of 127.0.0.1, state in "
        "var/demo",
    )


def _add_check(commands: _Group) -> None:
    parser = _command(
        commands,
        "check",
        "Check a configuration file.",
        "Shows everything that is wrong at once, as file:line:column: setting: problem, or what "
        "the gateway would do. Certificates and other files that are named are looked at.",
        "mailwarden check /etc/mailwarden/mailwarden.yaml",
        "mailwarden check --schema > mailwarden.schema.json",
        "mailwarden check --example > mailwarden.yaml",
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file to check")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--schema", action="store_true", help="show the JSON Schema for editors instead"
    )
    what.add_argument(
        "--example", action="store_true", help="show the demonstration's configuration instead"
    )


def _add_status(commands: _Group) -> None:
    parser = _command(
        commands,
        "status",
        "Show what the running gateway does.",
        "Workers, listeners, spool and the destinations that mail waits for.",
        "mailwarden status --watch",
    )
    _add_json(parser)
    parser.add_argument("--watch", action="store_true", help="show it again and again")
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=WATCH_SECONDS,
        metavar="SECONDS",
        help=f"time between two looks with --watch (default: {WATCH_SECONDS:g})",
    )


def _add_queue(commands: _Group) -> None:
    queue = _command(
        commands,
        "queue",
        "Look at the mail in the running gateway, and steer it.",
        "",
        "mailwarden queue list",
        "mailwarden queue retry corp.example",
    )
    actions = queue.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    listing = _command(
        actions,
        "list",
        "List the messages that are waiting.",
        "With --json, each message is one line.",
        "mailwarden queue list --limit 20",
    )
    _add_json(listing)
    listing.add_argument(
        "--limit",
        type=_count,
        default=LIST_LIMIT,
        metavar="N",
        help=f"messages shown of each worker; 0 is all (default: {LIST_LIMIT})",
    )
    show = _command(
        actions,
        "show",
        "Show one message: envelope, recipients, header.",
        "",
        "mailwarden queue show 4711",
    )
    _add_mid(show)
    _add_json(show)
    summary = _command(
        actions,
        "summary",
        "Show how much is waiting, and for whom.",
        "",
        "mailwarden queue summary",
    )
    _add_json(summary)
    _command(
        actions,
        "pause",
        "Stop the work queue.",
        "Mail is taken and kept, but goes no further until it is resumed, also after a restart.",
        "mailwarden queue pause",
    )
    _command(actions, "resume", "Let the work queue go on.", "", "mailwarden queue resume")
    hold = _command(
        actions, "hold", "Keep a message until it is released.", "", "mailwarden queue hold 4711"
    )
    _add_mid(hold)
    release = _command(
        actions, "release", "Let a held message go on.", "", "mailwarden queue release 4711"
    )
    _add_mid(release)
    retry = _command(
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


def _add_spool(commands: _Group) -> None:
    spool = _command(
        commands,
        "spool",
        "Look into the spool's files, and mend them.",
        "Works without the gateway. `repair` needs it stopped.",
        "mailwarden spool verify",
        "mailwarden spool export 4711 --to /tmp/mail",
    )
    actions = spool.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    listing = _spool_action(
        actions, "list", "List the messages in the spool.", "", "mailwarden spool list"
    )
    _add_json(listing)
    show = _spool_action(
        actions, "show", "Show one message as it is kept.", "", "mailwarden spool show 4711"
    )
    _add_mid(show)
    _add_json(show)
    verify = _spool_action(
        actions,
        "verify",
        "Read everything and compare the checksums.",
        "Ends with 1 when something is damaged.",
        "mailwarden spool verify",
    )
    _add_json(verify)
    export = _spool_action(
        actions,
        "export",
        "Write messages to .eml files.",
        "Takes nothing out of the spool.",
        "mailwarden spool export 4711 4712 --to /tmp/mail",
    )
    export.add_argument(
        "mids", nargs="*", type=_mid, metavar="MID", help="message ids (default: all)"
    )
    export.add_argument(
        "--to", type=Path, required=True, metavar="FOLDER", help="where the files go"
    )
    repair = _spool_action(
        actions,
        "repair",
        "Cut off torn ends and set damaged parts aside.",
        "Nothing is thrown away: what is cut or set aside goes to the folder `damaged`.",
        "mailwarden spool repair --dry-run",
    )
    repair.add_argument("--dry-run", action="store_true", help="only show what would be done")


def _spool_action(
    actions: _Group, name: str, summary: str, more: str, *examples: str
) -> argparse.ArgumentParser:
    parser = _command(actions, name, summary, more, *examples)
    parser.add_argument(
        "--directory",
        type=Path,
        metavar="FOLDER",
        help="the spool (default: `spool` in the state directory of the configuration)",
    )
    return parser


def _add_credentials(commands: _Group) -> None:
    credentials = _command(
        commands,
        "credentials",
        "Keep the users of SMTP AUTH.",
        "Passwords are asked for, or read from the first line of standard input; they are never "
        "given on the command line, where everybody on the machine could read them. Only their "
        "hashes are kept.",
        "mailwarden credentials add ann",
        "mailwarden credentials list --file /etc/mailwarden/users",
    )
    actions = credentials.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True
    )
    for name, summary in (
        ("add", "Add a user, or give one a new password."),
        ("remove", "Remove a user."),
        ("list", "List the users."),
        ("verify", "Check a user's password."),
    ):
        user = "" if name == "list" else " ann"
        action = _command(
            actions, name, summary, "", f"mailwarden credentials {name}{user} --file users"
        )
        if name != "list":
            action.add_argument("user", metavar="USER", help="name of the user, or mail address")
        action.add_argument(
            "--file",
            type=Path,
            metavar="F",
            help="the file (default: `inbound.credentials` of the configuration)",
        )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")


def _add_mid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mid", type=_mid, metavar="MID", help="message id, as in the log")


def _mid(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 19 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a message id; write 4711")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of messages")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a time from 0.1 to 3600 seconds")
    return seconds
