"""Support bundles of the running gateway: written to `/configuration`, or mailed (SYS-44)."""

import asyncio
import platform
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.configuration_mail import FILE_BYTES_MAX, Parts, build_mail
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.exchange import write_export
from mailwarden.control.operations.gateway import GatewayError
from mailwarden.control.operations.saving import show, suggested_name
from mailwarden.control.operations.support_bundle import Contents, build_bundle, secrets_in
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.core.mail.dsn_field import hostname_text

ACTION: Final = "supportrequest"
GZIP: Final = "application/gzip"


async def write_bundle(desk: Desk, name: str = "") -> str:
    """Write a bundle to `/configuration`; return the name of the file.

    Raises:
        RefusedOperationError: it may not or cannot be written.
    """
    content = await _bundle(desk)
    path = write_export(desk, name or suggested_bundle(desk), content)
    desk.record(ACTION, path.name)
    return path.name


async def mail_bundle(desk: Desk, addresses: Sequence[str], text: str = "") -> int:
    """Mail a bundle, with some lines of ASCII; return the MID, once the mail is on the disk.

    Raises:
        RefusedOperationError: it may not be sent, is too large, or the gateway does not take it.
        GatewayError: the gateway does not answer.
    """
    content = await _bundle(desk)
    if len(content) > FILE_BYTES_MAX:
        raise RefusedOperationError(f"the bundle is larger than {FILE_BYTES_MAX} bytes")
    config, now = desk.administration.config, desk.administration.clock.time()
    mail = build_mail(
        Parts(
            hostname=config.hostname,
            sender=config.return_addresses.others,
            to=addresses,
            subject=f"Support request of {hostname_text(config.hostname)}",
            text=f"{text}\nA support bundle of {hostname_text(config.hostname)} is attached.\n",
            name=suggested_bundle(desk),
            content=content,
            token=secrets.token_hex(12),
            now=now,
            content_type=GZIP,
        )
    )
    request = {"command": "originate", "to": list(addresses), "mail": mail.decode("ascii")}
    answer = await first_of(desk, request)
    desk.record(ACTION, f"to {', '.join(addresses)}")
    return int(answer.get("mid") or 0)


def suggested_bundle(desk: Desk) -> str:
    """Return how a bundle that is made now is called."""
    return f"support-{suggested_name(desk.administration).removesuffix('.xml')}.tgz"


def about_lines(facts: NodeFacts, hostname: str, at: float, keys: Sequence[str]) -> list[str]:
    """Return what a bundle says of the machine; `keys` are lines with fingerprints."""
    return [
        f"Made: {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"Host: {hostname}",
        f"Model: {facts.model}",
        f"Version: {facts.version}",
        f"Serial: {facts.serial}",
        f"FIPS mode: {'on' if facts.fips else 'off'}",
        f"Python: {platform.python_version()}",
        f"System: {platform.system()} {platform.release()} {platform.machine()}",
        "SSH host keys:",
        *(f"  {line}" for line in keys or ("none",)),
    ]


async def _bundle(desk: Desk) -> bytes:
    desk.require(ACTION)
    administration = desk.administration
    last = administration.versions.last()
    at = administration.clock.time()
    contents = Contents(
        about=about_lines(
            administration.facts, administration.config.hostname, at, administration.host_keys()
        ),
        status=await _status(desk),
        configuration=(await show(desk)).encode("ascii"),
        logs=administration.logs,
        secrets=frozenset() if last is None else secrets_in(last.tree),
        at=at,
    )
    return await asyncio.to_thread(build_bundle, contents)


async def _status(desk: Desk) -> dict[str, Any]:
    """Return the status, or why there is none: the bundle is wanted all the more then."""
    try:
        return await first_of(desk, {"command": "status"})
    except (RefusedOperationError, GatewayError) as error:
        return {"error": str(error)}
