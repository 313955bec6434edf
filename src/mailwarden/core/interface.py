"""An IP interface of the gateway; each one is also a virtual gateway (mailflow 7.4)."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A named address with the host name that it greets with."""

    address: str = setting(
        REQUIRED, "IPv4 or IPv6 address to listen on and to send from.", examples=("203.0.113.5",)
    )
    hostname: str = setting(
        "", "Name used in banner, Received and EHLO; empty is the gateway's `hostname`."
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            yield Problem("address", f"{self.address!r} is not an IP address; write 203.0.113.5")
