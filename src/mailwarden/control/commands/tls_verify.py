"""`tlsverify`: whether mail to a domain would go encrypted, and why (CLI-53)."""

from typing import Any, Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text
from mailwarden.control.operations import monitoring
from mailwarden.core.hostport import parse_hostport
from mailwarden.core.patterns import parse_domain
from mailwarden.system.log.escape import escape

SMTP_PORT: Final = 25


def _parse_host(text: str) -> str:
    host = text.strip()
    if host:
        parse_hostport(host, default_port=SMTP_PORT)
    return host


DOMAIN: Final = Text(
    key="domain", prompt="Enter the TLS domain to verify against:", of=parse_domain,
    place=Place.WORD, form="a recipient domain",
)  # fmt: skip
HOST: Final = Text(
    key="host", prompt="Enter the destination host to connect to, with :port if it is another one "
    "than of the\ndomain. An empty line tries all its hosts.",
    of=_parse_host, default="", place=Place.WORD, form="host or host:port; all hosts without it",
)  # fmt: skip


async def _verify(scope: Settings) -> Shown:
    domain, steps, host = scope[DOMAIN], list[dict[str, Any]](), ""
    with refused_as_told():
        async for step in monitoring.verify_tls(scope.draft.desk, domain, scope[HOST]):
            steps.append(step)
            if step.get("text"):
                if step.get("host") and step["host"] != host:
                    host = str(step["host"])
                    scope.say(f"Connecting to {escape(host)}.")
                scope.say(f"{'  ' if step.get('host') else ''}{escape(str(step['text']))}")
                await scope.drain()
    if not steps or not steps[-1].get("done"):
        raise RefusedError("The check was broken off.")
    hosts, usable = int(steps[-1].get("hosts", 0)), int(steps[-1].get("usable", 0))
    if not hosts:
        verdict = f"There is no host for {domain} to speak to."
    elif usable:
        verdict = f"Mail for {domain} would be delivered: to {usable} of {hosts} hosts."
    else:
        verdict = f"Mail for {domain} would be delivered to none of {hosts} hosts."
    data = {"domain": domain, "steps": steps[:-1], "hosts": hosts, "usable": usable}
    return Shown(f"TLS verification completed. {verdict}", data)


TLSVERIFY: Final[Command[SettingsDraft]] = Command(
    name="tlsverify", purpose="Try a TLS connection for delivery, and explain what comes of it",
    where=Where.MACHINE, questions=(DOMAIN, HOST), act=_verify,
)  # fmt: skip

COMMANDS: Final = (TLSVERIFY,)
