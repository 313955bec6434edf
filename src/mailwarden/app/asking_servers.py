"""`mailwarden call-ahead` and `tls-verify`: let the running gateway speak to other servers."""

from argparse import Namespace

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
    request = {"command": "call_ahead_flush", "profile": arguments.profile}
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
