"""Asks name servers, as the gateway does: `nslookup`, `dig` and what looks up hosts."""

import asyncio
from dataclasses import replace
from typing import Final, NamedTuple

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.name_finder import Finder
from mailwarden.system.dns.names import encode_name, parse_address
from mailwarden.system.dns.resolver import MxHost
from mailwarden.system.dns.wire import Kind

KINDS: Final = {
    kind.name: kind for kind in (Kind.A, Kind.AAAA, Kind.CNAME, Kind.MX, Kind.PTR, Kind.TXT)
}
SECONDS_MAX: Final = 60.0  # for one question, servers that are silent included


class LookedUp(NamedTuple):
    """What name servers say. `state` is found, empty, missing or failed."""

    name: str
    kind: str
    state: str
    values: tuple[str, ...] = ()
    canonical: str = ""  # where aliases lead
    detail: str = ""  # why it failed, or is missing
    is_secure: bool = False  # DNSSEC proves it
    seconds: float = 0.0  # that it took


async def look_up(desk: Desk, command: str, name: str, kind: str, server: str = "") -> LookedUp:
    """Ask for records of `name`, which may be an IP address, in the name of `command`.

    `server` is asked instead of those of the configuration.

    Raises:
        RefusedOperationError: nothing can be called so, or no such server can be asked.
    """
    desk.require(command)
    name, kind = _reverse(name, kind)
    try:
        encode_name(name)
    except ValueError as error:
        raise RefusedOperationError(f"{name[:80]!r} is no name: {error}") from error
    clock = desk.administration.clock
    finder = _finder(desk, server)
    began = clock.monotonic()
    try:
        async with asyncio.timeout(SECONDS_MAX):
            found = await finder.find(KINDS[kind], name)
    except TimeoutError:
        seconds = clock.monotonic() - began
        return LookedUp(name, kind, "failed", detail="timeout", seconds=seconds)
    finally:
        finder.close()
    return LookedUp(
        name,
        kind,
        found.state.value,
        tuple(map(_text, found.values)),
        found.canonical,
        found.detail,
        found.is_secure,
        clock.monotonic() - began,
    )


async def addresses_of(desk: Desk, command: str, host: str) -> tuple[str, ...]:
    """Return the addresses of a host, IPv4 ones first; that of an address is itself.

    Raises:
        RefusedOperationError: it has none, or nobody can say.
    """
    try:
        return (parse_address(host).text,)
    except ValueError:
        pass
    looked_up = [await look_up(desk, command, host, kind) for kind in ("A", "AAAA")]
    found = tuple(value for each in looked_up for value in each.values)
    if not found:
        reason = next((each.detail for each in looked_up if each.detail), "it has no address")
        raise RefusedOperationError(f"{host} cannot be looked up: {reason}")
    return found


def _finder(desk: Desk, server: str) -> Finder:
    config: GatewayConfig = desk.administration.config
    settings, name = config.dns, config.dns.interface
    if server:
        settings = replace(settings, servers=(server,), trusted_servers=(), domains={})
    source = config.interfaces[name].address if name else ""
    try:
        return desk.administration.make_finder(settings, source)
    except (ValueError, OSError) as error:
        raise RefusedOperationError(str(error)) from error


def _reverse(name: str, kind: str) -> tuple[str, str]:
    """Return the name whose PTR records name an address, where one is given."""
    try:
        return parse_address(name).reverse_name, "PTR"
    except ValueError:
        return name.lower().removesuffix("."), kind


def _text(value: object) -> str:
    match value:
        case MxHost(preference, host):
            return f"{preference} {host or '.'}"
        case bytes():
            return f'"{value.decode("utf-8", "replace")}"'
        case _:
            return str(value)
