"""`mailwarden queue rate` and its like: asks the running gateway again and again."""

from argparse import Namespace

from mailwarden.app.asking import Answer, answers_of
from mailwarden.app.asking_queue import administrator
from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.queue_rates import (
    show_host_rate,
    show_rate,
    show_top_in,
    show_work_queue,
)


def queue_rate(arguments: Namespace) -> int:
    """Show how much comes and goes."""
    return show_rate(arguments, lambda: _rate(arguments))


def queue_host_rate(arguments: Namespace) -> int:
    """Show how mail to one destination goes."""
    request = {"command": "queue_hosts", "domain": arguments.domain}
    return show_host_rate(arguments, lambda: answers_of(arguments, request))


def queue_work_queue(arguments: Namespace) -> int:
    """Show what waits for the work queue."""
    return show_work_queue(arguments, lambda: _rate(arguments))


def queue_top_in(arguments: Namespace) -> int:
    """Show who has the most connections."""
    return show_top_in(arguments, answers_of(arguments, {"command": "queue_top_in"}))


def queue_reset_counters(arguments: Namespace) -> int:
    """Begin anew with the counters that can be reset."""
    request = {"command": "reset_counters", "by": administrator()}
    next(answers_of(arguments, request), None)
    print("the counters begin anew; `mailwarden status --detail` shows them")
    return ExitCode.DONE


def _rate(arguments: Namespace) -> Answer:
    return next(answers_of(arguments, {"command": "rate"}), {})
