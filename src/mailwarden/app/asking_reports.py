"""`mailwarden tls-reports`: shows what is counted, and sends it before its time."""

from argparse import Namespace

from mailwarden.app.asking import answers_of
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.tls_reports import show_reports


def tls_reports(arguments: Namespace) -> int:
    """Show what is counted for TLS reports, or send it."""
    if not arguments.send:
        return show_reports(arguments, answers_of(arguments, {"command": "tls_reports"}))
    # All workers hand over what they counted before the one that sends begins.
    missing: list[str] = []
    domains = 0
    for command in ("tls_reports_close", "tls_reports_send"):
        for answer in answers_of(arguments, {"command": command}):
            told = answer.get("workers") or ()
            missing += [str(each["error"]) for each in told if "error" in each]
            missing += answer.get("unanswered") or ()
            domains += sum(each.get("domains") or 0 for each in told)
    if missing:
        raise CommandError(f"not all was sent: {', '.join(missing)}", "ask again later")
    if domains:
        print(f"reports of {domains} domain{'' if domains == 1 else 's'} are being sent")
        print("the mail log says where they go; only domains that ask for reports get them")
    else:
        print("there is nothing to send")
    return ExitCode.DONE
