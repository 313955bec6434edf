"""The destination controls: how mail to each destination is sent (mailflow 7.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.address_scanner import AddressError
from mailwarden.core.mail.domain import DOMAIN_OCTETS_MAX, domain_to_ascii
from mailwarden.core.patterns import DEFAULT, parse_destination, parse_name
from mailwarden.core.problem import Problem
from mailwarden.core.setting import setting

ROWS_MAX: Final = 100_000  # besides DEFAULT
CONNECTIONS_MAX: Final = 1_000_000
MESSAGES_MAX: Final = 1_000_000
RECIPIENTS_MAX: Final = 1_000_000_000
MINUTES_MAX: Final = 60

# What DEFAULT is when the administrator has said nothing (all unconfirmed but the TLS).
DEFAULT_CONNECTIONS: Final = 500
DEFAULT_MESSAGES: Final = 50
DEFAULT_MINUTES: Final = 60

DEFAULT_PROFILE: Final = "Default"  # in whatever case it is written
NO_LIMIT: Final = 0  # recipients: a row that lifts the limit of DEFAULT


class DestinationTls(Enum):
    """Whether mail to a destination is encrypted."""

    NONE = "none"
    PREFERRED = "preferred"
    REQUIRED = "required"
    PREFERRED_VERIFY = "preferred_verify"
    REQUIRED_VERIFY = "required_verify"


class LimitType(Enum):
    """What a limit counts for."""

    HOST = "host"  # all of the domain
    MXIP = "MXIP"  # each address of its mail exchangers


class LimitApply(Enum):
    """Who counts together."""

    SYSTEM = "system"
    VG = "VG"  # each virtual gateway by itself; a group of them counts as one


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRow:
    """A row as the administrator wrote it; None takes the value of DEFAULT."""

    max_host_concurrency: int | None = setting(
        None,
        "Connections at the same time, over all workers. DEFAULT: 500.",
        minimum=1,
        maximum=CONNECTIONS_MAX,
    )
    max_messages_per_connection: int | None = setting(
        None,
        "Messages sent before a connection is ended. DEFAULT: 50.",
        minimum=1,
        maximum=MESSAGES_MAX,
    )
    recipient_limit: int | None = setting(
        None,
        "Recipients in `recipient_minutes`, over all workers; more of them wait. 0 is no limit. "
        "DEFAULT: 0.",
        minimum=NO_LIMIT,
        maximum=RECIPIENTS_MAX,
    )
    recipient_minutes: int | None = setting(
        None, "Minutes that `recipient_limit` is for. DEFAULT: 60.", minimum=1, maximum=MINUTES_MAX
    )
    limit_type: LimitType | None = setting(
        None,
        "What connections and recipients are counted for: `host`, the whole destination, or "
        "`MXIP`, each address of its mail exchangers. DEFAULT: host.",
    )
    limit_apply: LimitApply | None = setting(
        None,
        "What is counted together: `system`, all mail, or `VG`, that of each virtual gateway. "
        "DEFAULT: system.",
    )
    tls: DestinationTls | None = setting(None, "Encryption. DEFAULT: none.")
    bounce_validation: bool | None = setting(
        None, "Tag envelope senders, so that bounces can be told from forged ones. DEFAULT: off."
    )
    bounce_profile: str | None = setting(
        None,
        "Bounce profile that overrides the listener's; in DEFAULT it is not applied.",
        refers_to=("bounce_profiles",),
    )

    def problems(self) -> Iterator[Problem]:
        """Yield every value out of bounds."""
        for name, value, least, most in (
            ("max_host_concurrency", self.max_host_concurrency, 1, CONNECTIONS_MAX),
            ("max_messages_per_connection", self.max_messages_per_connection, 1, MESSAGES_MAX),
            ("recipient_limit", self.recipient_limit, NO_LIMIT, RECIPIENTS_MAX),
            ("recipient_minutes", self.recipient_minutes, 1, MINUTES_MAX),
        ):
            if value is not None and not least <= value <= most:
                yield Problem(name, f"must be from {least} to {most}")
        if self.bounce_profile is not None:
            yield from _name_problems("bounce_profile", self.bounce_profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationTable:
    """All rows, in the order of the administrator, and what holds for all destinations."""

    default: DestinationRow = DestinationRow()
    rows: tuple[tuple[str, DestinationRow], ...] = ()  # by `dom.example` or `.dom.example`
    send_tls_alert: bool = False  # when TLS was required and did not come about
    certificate: str = ""  # that we show to others; "" is none

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong; paths are as in a configuration, `rows.dom.example.field`."""
        if len(self.rows) > ROWS_MAX:
            yield Problem("rows", f"{len(self.rows)} of them; at most {ROWS_MAX} are possible")
        if self.certificate:
            yield from _name_problems("certificate", self.certificate)
        for problem in self.default.problems():
            yield problem.under("default")
        names: set[str] = set()
        for name, row in self.rows:
            path = f"rows.{name}"
            try:
                proper = parse_destination(name)
            except ValueError as error:
                yield Problem(path, str(error))
            else:
                if proper == DEFAULT:
                    yield Problem(path, "is the row that all others build on: say it in default")
                elif proper != name:
                    yield Problem(path, f"must be written {proper}")
            if name in names:
                yield Problem(path, "is there twice")
            names.add(name)
            for problem in row.problems():
                yield problem.under(path)


def table_of(
    rows: Mapping[str, DestinationRow], *, send_tls_alert: bool = False, certificate: str = ""
) -> DestinationTable:
    """Return the table of `rows`, of which one may be called DEFAULT."""
    return DestinationTable(
        default=rows.get(DEFAULT, DestinationRow()),
        rows=tuple((name, row) for name, row in rows.items() if name != DEFAULT),
        send_tls_alert=send_tls_alert,
        certificate=certificate,
    )


class DestinationLimits(NamedTuple):
    """A row with nothing left open."""

    row: str = ""  # its name; "" is DEFAULT
    max_host_concurrency: int = DEFAULT_CONNECTIONS
    max_messages_per_connection: int = DEFAULT_MESSAGES
    recipient_limit: int = NO_LIMIT
    recipient_minutes: int = DEFAULT_MINUTES
    limit_type: LimitType = LimitType.HOST
    limit_apply: LimitApply = LimitApply.SYSTEM
    tls: DestinationTls = DestinationTls.NONE
    bounce_validation: bool = False
    bounce_profile: str = ""  # "" leaves the message's own

    def counter_key(self, *, destination: str, address: str, gateway: str) -> str:
        """Return the name under which connections and recipients are counted together.

        `destination` is the domain, or what its MX hosts roll up to; `address` that of the mail
        exchanger; `gateway` the virtual gateway or group that the mail leaves from.
        """
        where = address if self.limit_type is LimitType.MXIP else destination
        return f"{gateway}/{where}" if self.limit_apply is LimitApply.VG else where


class DestinationIndex:
    """Finds the row of a domain: exact, then the longest partial, then DEFAULT."""

    __slots__ = ("_default", "_rows")

    def __init__(self, table: DestinationTable) -> None:
        default = _resolve("", table.default, DestinationLimits())
        # A bounce profile in the DEFAULT row is not applied: the listeners have one.
        self._default: Final = default._replace(bounce_profile="")
        self._rows: Final = {name: _resolve(name, row, self._default) for name, row in table.rows}

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, domain: str) -> DestinationLimits:
        """Return the limits for mail to `domain`, which is in lower case.

        The work is bounded by the length of a domain, not by the size of the table.
        """
        if not self._rows:
            return self._default
        limits = self._rows.get(domain)
        if limits is not None:
            return limits if domain[:1] != "." else self._default
        if len(domain) > DOMAIN_OCTETS_MAX:
            return self._default
        if not domain.isascii():
            return self._find_international(domain)
        return self._find_partial(domain)

    def _find_international(self, domain: str) -> DestinationLimits:
        """Look for A-labels, which is how the table has its rows (RFC 5891)."""
        try:
            name = domain_to_ascii(domain)
        except AddressError:
            return self._default
        return self._rows.get(name) or self._find_partial(name)

    def _find_partial(self, domain: str) -> DestinationLimits:
        dot = domain.find(".", 1)  # `.dom.example` is for sub-domains, not for itself
        while dot >= 0:
            limits = self._rows.get(domain[dot:])
            if limits is not None:
                return limits
            dot = domain.find(".", dot + 1)
        return self._default


def complete(table: DestinationTable) -> DestinationTable:
    """Return a table that means the same and has everything that its text form asks for.

    That is every field of DEFAULT, and in a row with a limit what the limit is about.
    """
    limits = _resolve("", table.default, DestinationLimits())
    is_limited = limits.recipient_limit != NO_LIMIT
    default = DestinationRow(
        max_host_concurrency=limits.max_host_concurrency,
        max_messages_per_connection=limits.max_messages_per_connection,
        recipient_limit=limits.recipient_limit if is_limited else None,
        recipient_minutes=limits.recipient_minutes if is_limited else None,
        limit_type=limits.limit_type,
        limit_apply=limits.limit_apply,
        tls=limits.tls,
        bounce_validation=limits.bounce_validation,
        bounce_profile=_profile(table.default.bounce_profile),
    )
    return DestinationTable(
        default=default,
        rows=tuple((name, _complete_row(row, limits)) for name, row in table.rows),
        send_tls_alert=table.send_tls_alert,
        certificate=table.certificate,
    )


def complete_row(row: DestinationRow, default: DestinationRow) -> DestinationRow:
    """Return a row that means the same beside `default` and has what its text form asks for."""
    return _complete_row(row, _resolve("", default, DestinationLimits()))


def _complete_row(row: DestinationRow, default: DestinationLimits) -> DestinationRow:
    minutes = row.recipient_minutes
    if row.recipient_limit == NO_LIMIT:
        minutes = None
    elif row.recipient_limit is not None and minutes is None:
        minutes = default.recipient_minutes
    kind, apply = row.limit_type, row.limit_apply
    if row.max_host_concurrency is not None or row.recipient_limit is not None:
        kind, apply = kind or default.limit_type, apply or default.limit_apply
    return DestinationRow(
        max_host_concurrency=row.max_host_concurrency,
        max_messages_per_connection=row.max_messages_per_connection,
        recipient_limit=row.recipient_limit,
        recipient_minutes=minutes,
        limit_type=kind,
        limit_apply=apply,
        tls=row.tls,
        bounce_validation=row.bounce_validation,
        bounce_profile=_profile(row.bounce_profile),
    )


def _resolve(name: str, row: DestinationRow, default: DestinationLimits) -> DestinationLimits:
    limit = default.recipient_limit if row.recipient_limit is None else row.recipient_limit
    # Minutes without a limit mean nothing, and so are not handed down either.
    minutes = row.recipient_minutes or default.recipient_minutes
    validation = row.bounce_validation
    return DestinationLimits(
        name,
        row.max_host_concurrency or default.max_host_concurrency,
        row.max_messages_per_connection or default.max_messages_per_connection,
        limit,
        minutes if limit != NO_LIMIT else DEFAULT_MINUTES,
        row.limit_type or default.limit_type,
        row.limit_apply or default.limit_apply,
        row.tls or default.tls,
        default.bounce_validation if validation is None else validation,
        _profile(row.bounce_profile) or "",
    )


def _name_problems(path: str, name: str) -> Iterator[Problem]:
    try:
        proper = parse_name(name)
    except ValueError as error:
        yield Problem(path, str(error))
    else:
        if proper != name:
            yield Problem(path, "must have no blanks around it")


def _profile(name: str | None) -> str | None:
    return DEFAULT_PROFILE if name is not None and name.lower() == "default" else name


EMPTY: Final = DestinationTable()
