"""The commands and their options, each with help that explains itself.

`docs/reference/commands.md` is written from this tree.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailwarden.control.cli.bounce_keys_parser import add_bounce_keys
from mailwarden.control.cli.call_ahead import add_call_ahead
from mailwarden.control.cli.configuration_parser import add_configuration
from mailwarden.control.cli.console_parser import add_console
from mailwarden.control.cli.dns import add_dns
from mailwarden.control.cli.log_files import add_log
from mailwarden.control.cli.options import (
    Group,
    add_command,
    add_config,
    add_json,
    add_mid,
    parse_host_or_sender,
    parse_mid,
    parse_seconds,
)
from mailwarden.control.cli.queue_parser import add_queue
from mailwarden.control.cli.support import add_support
from mailwarden.control.cli.tables_parser import add_table
from mailwarden.control.cli.tls_verify import add_tls_verify
from mailwarden.control.cli.trace import add_trace
from mailwarden.control.cli.updates_parser import add_updates

WATCH_SECONDS: Final = 2.0
_EXIT_CODES: Final = """\
exit codes:
  0  done
  1  a problem was found: in the configuration, a message or the spool
  2  the command was not understood
  3  no gateway is running
"""

AddArguments = Callable[[argparse.ArgumentParser], None]


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
    add_config(parser, None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_run(commands)
    _add_check(commands)
    _add_status(commands)
    add_queue(commands)
    add_configuration(commands)
    add_table(commands)
    _add_reputation(commands)
    add_log(commands)
    add_call_ahead(commands)
    add_dns(commands)
    add_tls_verify(commands)
    add_trace(commands)
    _add_spool(commands)
    _add_tls_reports(commands)
    add_command(
        commands,
        "reload",
        "Read the configuration file anew, without a break in the mail.",
        "Open connections finish under the old configuration. A file with problems changes "
        "nothing; the problems are shown.",
        "mailwarden check && mailwarden reload",
    )
    bench = add_command(
        commands,
        "bench",
        "Measure how fast this machine passes mail on.",
        "Runs gateways of its own on loopback ports, never the one that is in service.",
        "mailwarden bench",
    )
    if add_bench_arguments is not None:
        add_bench_arguments(bench)
    add_console(commands)
    _add_credentials(commands)
    add_bounce_keys(commands)
    add_updates(commands)
    add_support(commands)
    add_command(commands, "version", "Show the version.", "", "mailwarden version")
    return parser


def _add_run(commands: Group) -> None:
    parser = add_command(
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


def _add_check(commands: Group) -> None:
    parser = add_command(
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


def _add_status(commands: Group) -> None:
    parser = add_command(
        commands,
        "status",
        "Show what the running gateway does.",
        "Workers, listeners, spool and the destinations that mail waits for.",
        "mailwarden status --watch",
        "mailwarden status --detail",
    )
    add_json(parser)
    parser.add_argument(
        "--detail",
        action="store_true",
        help="also gauges, rates, and counters since they were reset and of the gateway's lifetime",
    )
    parser.add_argument("--watch", action="store_true", help="show it again and again")
    parser.add_argument(
        "--interval",
        type=parse_seconds,
        default=WATCH_SECONDS,
        metavar="SECONDS",
        help=f"time between two looks with --watch (default: {WATCH_SECONDS:g})",
    )


def _add_reputation(commands: Group) -> None:
    parser = add_command(
        commands,
        "reputation",
        "Show what is known of a host or sender.",
        "Its score and who gave it, what was seen of it, and what is counted within the hour: "
        "recipients, and those that do not exist.",
        "mailwarden reputation 198.51.100.7",
        "mailwarden reputation 198.51.100.7 --reset",
        "mailwarden reputation ann@partner.example",
    )
    parser.add_argument(
        "address",
        type=parse_host_or_sender,
        metavar="ADDRESS",
        help="IP address, or the mail address of an envelope sender",
    )
    parser.add_argument(
        "--reset",
        action="store_true",
        help="let its counts of this hour begin at zero, and those of the networks it is counted "
        "with",
    )
    parser.add_argument(
        "--forget", action="store_true", help="forget what this gateway saw of the host"
    )
    add_json(parser)


def _add_tls_reports(commands: Group) -> None:
    parser = add_command(
        commands,
        "tls-reports",
        "Show what is counted for the TLS reports of other domains.",
        "TLS sessions by day (UTC), domain and policy, of which no report has gone yet.",
        "mailwarden tls-reports",
        "mailwarden tls-reports --send",
    )
    add_json(parser)
    parser.add_argument(
        "--send",
        action="store_true",
        help="send the reports now, that of today included, to try it out; what comes later today "
        "gets a report of its own",
    )


def _add_spool(commands: Group) -> None:
    spool = add_command(
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
    add_json(listing)
    show = _spool_action(
        actions, "show", "Show one message as it is kept.", "", "mailwarden spool show 4711"
    )
    add_mid(show)
    add_json(show)
    verify = _spool_action(
        actions,
        "verify",
        "Read everything and compare the checksums.",
        "Ends with 1 when something is damaged.",
        "mailwarden spool verify",
    )
    add_json(verify)
    export = _spool_action(
        actions,
        "export",
        "Write messages to .eml files.",
        "Takes nothing out of the spool.",
        "mailwarden spool export 4711 4712 --to /tmp/mail",
    )
    export.add_argument(
        "mids", nargs="*", type=parse_mid, metavar="MID", help="message ids (default: all)"
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
    actions: Group, name: str, summary: str, more: str, *examples: str
) -> argparse.ArgumentParser:
    parser = add_command(actions, name, summary, more, *examples)
    parser.add_argument(
        "--directory",
        type=Path,
        metavar="FOLDER",
        help="the spool (default: `spool` in the state directory of the configuration)",
    )
    return parser


def _add_credentials(commands: Group) -> None:
    credentials = add_command(
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
        action = add_command(
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
