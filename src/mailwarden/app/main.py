"""The command `mailwarden`: says where each command of the command line is carried out."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Final, cast

from mailwarden.control.cli.main import run

Handler = Callable[[Namespace], int]

# Module and function of each command. A module is loaded when its command is given: whoever asks
# for the status does not wait for the whole gateway to be read.
_PLACES: Final = {
    "run": ("mailwarden.app.start", "run_gateway"),
    "support bundle": ("mailwarden.app.asking_support", "bundle"),
    "cli": ("mailwarden.app.asking_console", "cli"),
    "console": ("mailwarden.app.asking_console", "console"),
    "bench": ("mailwarden.app.bench.command", "run"),
    "status": ("mailwarden.app.asking", "status"),
    "reload": ("mailwarden.app.asking", "reload"),
    "config": ("mailwarden.app.asking_config", "config"),
    "table": ("mailwarden.app.asking_tables", "table"),
    "reputation": ("mailwarden.app.asking", "reputation"),
    "log": ("mailwarden.app.asking", "log"),
    "spool": ("mailwarden.app.asking", "spool"),
    "trace": ("mailwarden.app.tracing.command", "run"),
    "tls-verify": ("mailwarden.app.asking_servers", "tls_verify"),
    "call-ahead test": ("mailwarden.app.asking_servers", "call_ahead_test"),
    "call-ahead flush": ("mailwarden.app.asking_servers", "call_ahead_flush"),
    "dns flush": ("mailwarden.app.asking_servers", "dns_flush"),
    "queue list": ("mailwarden.app.asking_queue", "queue_list"),
    "queue oldest": ("mailwarden.app.asking_queue", "queue_oldest"),
    "tls-reports": ("mailwarden.app.asking_reports", "tls_reports"),
    "queue hosts": ("mailwarden.app.asking_queue", "queue_hosts"),
    "queue rate": ("mailwarden.app.asking_rates", "queue_rate"),
    "queue host-rate": ("mailwarden.app.asking_rates", "queue_host_rate"),
    "queue work-queue": ("mailwarden.app.asking_rates", "queue_work_queue"),
    "queue top-in": ("mailwarden.app.asking_rates", "queue_top_in"),
    "queue reset-counters": ("mailwarden.app.asking_rates", "queue_reset_counters"),
    "queue archive": ("mailwarden.app.asking_queue", "queue_archive"),
    "queue show": ("mailwarden.app.asking", "queue_show"),
    "queue summary": ("mailwarden.app.asking", "queue_summary"),
    "queue pause": ("mailwarden.app.asking", "queue_pause"),
    "queue resume": ("mailwarden.app.asking_queue", "queue_go_on"),
    "queue suspend": ("mailwarden.app.asking_queue", "queue_suspend"),
    "queue redirect": ("mailwarden.app.asking_queue", "queue_redirect"),
    "queue hold": ("mailwarden.app.asking", "queue_hold"),
    "queue release": ("mailwarden.app.asking", "queue_release"),
    "queue retry": ("mailwarden.app.asking", "queue_retry"),
    "queue delete": ("mailwarden.app.asking_queue", "queue_operation"),
    "queue bounce": ("mailwarden.app.asking_queue", "queue_operation"),
    "queue reset": ("mailwarden.app.asking_queue", "queue_reset"),
    "queue restore": ("mailwarden.app.asking_queue", "queue_restore"),
    "queue deleted": ("mailwarden.app.asking_queue", "queue_deleted"),
}


def main(argv: list[str] | None = None) -> int:
    """Run `mailwarden` with `argv`; return the exit status."""
    return run(sys.argv[1:] if argv is None else argv, HANDLERS, _add_bench_arguments)


def _carry_out(place: tuple[str, str], arguments: Namespace) -> int:
    module, function = place
    return cast("Handler", getattr(import_module(module), function))(arguments)


def _add_bench_arguments(parser: ArgumentParser) -> None:
    import_module("mailwarden.app.bench.arguments").add_bench_arguments(parser)


HANDLERS: Final[dict[str, Handler]] = {
    command: partial(_carry_out, place) for command, place in _PLACES.items()
}
