"""What the gateway asks of DNS (RFC 1034, RFC 1035), and how it hears of failures.

`CachingResolver` (client.py) asks name servers; `FakeResolver` (fake.py) answers from a table.

Names are given as text, in any case, with or without the final dot, and may be international.
Names that come back are in lower case, without the final dot, and hold only letters, digits,
hyphens and underscores between their dots: others are left out, as no host is called so.
"""

from typing import NamedTuple, Protocol

from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError


class MxHost(NamedTuple):
    """A mail exchanger; `MxHost(0, "")` alone is a null MX: no mail is taken (RFC 7505)."""

    preference: int
    host: str


NULL_MX = MxHost(0, "")


class HostName(NamedTuple):
    """The name of an address. It may be believed with `NameStatus.EXISTS` only.

    With `NOT_DOUBLE_VERIFIED` it is what the address claims; otherwise there is none (`""`).
    """

    name: str
    status: NameStatus


class NameNotFoundError(PermanentFailureError):
    """The name does not exist (NXDOMAIN), or cannot exist; `detail` says which, for the log."""

    def __init__(self, name: str, kind: str, detail: str = "NXDomain") -> None:
        super().__init__(f"{name} ({kind}): {detail}")
        self.name = name
        self.kind = kind  # what was looked up: `MX`, `A`, `AAAA`, `PTR`, `TXT`
        self.detail = detail


class ResolutionError(TemporaryFailureError):
    """Nobody could say whether the name exists; `detail` says why, for the log."""

    def __init__(self, name: str, kind: str, detail: str) -> None:
        super().__init__(f"{name} ({kind}): {detail}")
        self.name = name
        self.kind = kind
        self.detail = detail


class Resolver(Protocol):
    """Looks names up.

    Every `resolve_` method raises `NameNotFoundError` and `ResolutionError`; a name that exists
    without the records asked for gives an empty tuple.

    Every `peek_` method answers from memory, without waiting, as its `resolve_` would: it returns
    or raises the same, or returns None when the name has to be asked for.
    """

    async def resolve_mx(self, name: str) -> tuple[MxHost, ...]:
        """Return the mail exchangers of `name`, lowest preference first."""
        ...

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name`, then its IPv6 addresses, each as received.

        Aliases (CNAME) are followed. When only one of the two questions is answered, its
        addresses are returned, and an error only if there are none.
        """
        ...

    async def resolve_reverse(self, address: str) -> tuple[str, ...]:
        """Return the names (PTR) that an IP address claims to have."""
        ...

    async def resolve_host_name(self, address: str) -> HostName:
        """Return a name of `address` that leads back to it, or why there is none.

        Never raises for what DNS says or fails to say.
        """
        ...

    async def resolve_a(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name` alone, as DNS lists have them."""
        ...

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`, the strings of each joined (RFC 7208, 3.3)."""
        ...

    def peek_mx(self, name: str) -> tuple[MxHost, ...] | None:
        """Return what `resolve_mx` would, if it is known."""
        ...

    def peek_addresses(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_addresses` would, if it is known."""
        ...

    def peek_host_name(self, address: str) -> HostName | None:
        """Return what `resolve_host_name` would, if it is known."""
        ...

    def peek_a(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_a` would, if it is known."""
        ...

    def close(self) -> None:
        """Give up all questions under way: their askers get `ResolutionError`."""
        ...
