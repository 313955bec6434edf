"""How a listener reads addresses: its settings (mailflow 2.5)."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from mailwarden.core.problem import Problem
from mailwarden.core.setting import setting

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class ParserMode(Enum):
    """How much of the grammar is insisted on."""

    LOOSE = "loose"
    STRICT = "strict"


class SourceRouting(Enum):
    """What becomes of `@a.example,@b.example:joe@c.example`."""

    STRIP = "strip"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """How a listener reads addresses (mailflow 2.5)."""

    mode: ParserMode = setting(ParserMode.LOOSE, "strict (RFC 5321) or loose.")
    allow_8bit_local: bool = setting(True, "Take bytes above 127 left of the @.")
    allow_8bit_domain: bool = setting(True, "Take bytes above 127 right of the @.")
    allow_partial_domain: bool = setting(
        True, "Take addresses with no domain, or with a domain that has no dot."
    )
    source_routing: SourceRouting = setting(SourceRouting.STRIP, "Source routes: strip or reject.")
    address_literals: tuple[str, ...] = setting(
        (),
        "IP addresses that may stand for our domain, as in `user@[192.0.2.1]`; all others are "
        "rejected.",
    )
    reject_local_characters: str = setting("%!:@", "Characters that may not stand in a local part.")

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        for index, text in enumerate(self.address_literals):
            if parse_ip_address(text) is None:
                yield Problem(
                    f"address_literals[{index}]", f"{text!r} is not an IPv4 or IPv6 address"
                )


def parse_ip_address(text: str) -> IPAddress | None:
    """Return the address that `text` is; None when it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
