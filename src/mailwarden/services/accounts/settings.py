"""What the administrator sets of authentication by other servers (admin 3.3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from mailwarden.core.access.radius import SECRET_LENGTH_MAX, Method
from mailwarden.core.access.roles import Role
from mailwarden.core.hostport import parse_hostport
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, Unit, setting

RADIUS_PORT: Final = 1812
SERVERS_MAX: Final = 10
MAPPINGS_MAX: Final = 1000
CLASS_LENGTH_MAX: Final = 253


class ExternalMethod(Enum):
    """Who is asked besides the local users; one method, not several (EXT-01)."""

    OFF = "off"
    RADIUS = "radius"


class RadiusMethod(Enum):
    """How a password goes to the server."""

    PAP = "PAP"
    CHAP = "CHAP"

    @property
    def method(self) -> Method:
        """The method as packets know it."""
        return Method[self.name]


def parse_host(text: str) -> str:
    """Return a host name or an IP address.

    Raises:
        ValueError: it is neither.
    """
    return parse_hostport(text, default_port=RADIUS_PORT).host


def parse_secret(text: str) -> str:
    """Return a shared secret.

    Raises:
        ValueError: it is empty, too long, or nothing that people can type.
    """
    if not 0 < len(text) <= SECRET_LENGTH_MAX:
        raise ValueError(f"a shared secret has 1 to {SECRET_LENGTH_MAX} letters")
    if not text.isprintable():
        raise ValueError("a shared secret has no control characters")
    return text


def parse_class(text: str) -> str:
    """Return a value of the CLASS attribute.

    Raises:
        ValueError: no attribute could have it.
    """
    if not 0 < len(text.encode("utf-8", "surrogatepass")) <= CLASS_LENGTH_MAX:
        raise ValueError(f"a CLASS has 1 to {CLASS_LENGTH_MAX} bytes")
    return text


def _no_classes() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusServer:
    """A RADIUS server. In a cluster all machines need the same secret (EXT-05)."""

    host: str = setting(REQUIRED, "Name or address.", parse=parse_host)
    port: int = setting(RADIUS_PORT, "UDP port.", minimum=1, maximum=65535)
    secret: str = setting(REQUIRED, "Shared secret.", parse=parse_secret, secret=True)
    timeout_seconds: float = setting(
        5.0,
        "Waiting for an answer before the next server is asked; within it the question is asked "
        "three times.",
        minimum=0.1,
        maximum=60,
        unit=Unit.SECONDS,
    )
    method: RadiusMethod = setting(RadiusMethod.PAP, "How the password goes to the server.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSettings:
    """Authentication of administrators by other servers."""

    method: ExternalMethod = setting(ExternalMethod.OFF, "Who is asked besides the local users.")
    cache_seconds: float = setting(
        0.0,
        "How long the web interface goes without asking again; 0 asks each time.",
        minimum=0,
        maximum=86_400,
        unit=Unit.SECONDS,
    )
    radius_servers: tuple[RadiusServer, ...] = setting(
        (), "RADIUS servers, asked in this order.", entries_max=SERVERS_MAX
    )
    radius_classes: Mapping[str, str] = setting(
        _no_classes,
        "Roles by the CLASS that a server answers with; who has none of them is refused.",
        examples=("{mail-admins: Administrator, helpdesk: Help Desk User}",),
        parse_key=parse_class,
        entries_max=MAPPINGS_MAX,
    )
    all_are_administrators: bool = setting(
        False, "Whether everybody whom a server accepts is an Administrator, whatever the CLASS."
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what would let nobody in, or more than was meant."""
        if self.method is not ExternalMethod.RADIUS:
            return
        if not self.radius_servers:
            yield Problem("radius_servers", "is empty: there is nobody to ask")
        if self.all_are_administrators and self.radius_classes:
            yield Problem("radius_classes", "say nothing with `all_are_administrators`")
        if not self.all_are_administrators and not self.radius_classes:
            yield Problem(
                "radius_classes", "is empty: nobody would have a role; or `all_are_administrators`"
            )

    def fips_problems(self) -> Iterator[Problem]:
        """Yield what FIPS mode does not allow: RADIUS rests on MD5 (EXT-07)."""
        if self.method is ExternalMethod.RADIUS:
            yield Problem("method", "radius is refused in FIPS mode: the protocol rests on MD5")

    @property
    def rows(self) -> Mapping[str, str]:
        """Roles by what a server says of a user."""
        return self.radius_classes

    @property
    def role_of_all(self) -> str:
        """The role of everybody whom a server accepts; "" where rows decide."""
        return Role.ADMINISTRATOR.value if self.all_are_administrators else ""
