"""`mailwarden call-ahead`, `dns` and `tls-verify`: what the gateway has to do with others."""

from argparse import Namespace
from typing import Any

from mailwarden.app.asking import answers_of
from mailwarden.control.cli.call_ahead import show_flushed, show_test
from mailwarden.control.cli.failure import CommandError
from mailwarden.control.cli.tls_verify import show_steps


def call_ahead_test(arguments: Namespace) -> int:
    """Ask about a recipient."""
    request = {
        "command": "call_ahead_test",
        "profile": arguments.profile,
        "address": arguments.address,
    }
    answers = (answer for answer in answers_of(arguments, request) if answer)
    return show_test(arguments, next(answers, {}))


def call_ahead_flush(arguments: Namespace) -> int:
    """Forget what is known."""
    return _flush(arguments, {"command": "call_ahead_flush", "profile": arguments.profile})


def dns_flush(arguments: Namespace) -> int:
    """Forget what name servers said, and DNS lists where that is wanted."""
    if arguments.lists:
        _flush(arguments, {"command": "dnslistflush"})
    return _flush(arguments, {"command": "dnsflush"})


def _flush(arguments: Namespace, request: dict[str, Any]) -> int:
    gathered = next(answers_of(arguments, request), {})
    for answer in gathered.get("workers") or ():
        if "error" in answer:
            raise CommandError(str(answer["error"]))
    missing = gathered.get("unanswered")
    if missing:
        raise CommandError(f"not all workers were asked: {', '.join(missing)}", "ask again later")
    return show_flushed(gathered)


def tls_verify(arguments: Namespace) -> int:
    """Try TLS with the hosts of a domain."""
    request = {"command": "tls_verify", "domain": arguments.domain, "host": arguments.host}
    return show_steps(arguments, answers_of(arguments, request))
