"""What the administrator sets of alerts (alertconfig; admin 8.5, SYS-30 to SYS-34)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mailwarden.core.mail.from_field import parse_from
from mailwarden.core.patterns import parse_mailbox
from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting
from mailwarden.services.alerts.alert import AlertClass, Severity

RECIPIENTS_MAX: Final = 100
WAIT_SECONDS_MAX: Final = 7 * 86_400
ALL_SEVERITIES: Final = tuple(Severity)
FIELDS: Final[Mapping[AlertClass, str]] = {
    AlertClass.SYSTEM: "system",
    AlertClass.HARDWARE: "hardware",
    AlertClass.UPDATER: "updater",
    AlertClass.OUTBREAK_FILTERS: "outbreak_filters",
    AlertClass.ANTI_VIRUS: "anti_virus",
    AlertClass.ANTI_SPAM: "anti_spam",
    AlertClass.HARVEST_ATTACKS: "harvest_attacks",
}


def parse_recipient(text: str) -> str:
    """Return `user@dom.example`, or "" for nobody.

    Raises:
        ValueError: it is neither.
    """
    return parse_mailbox(text) if text.strip() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecipient:
    """Which alerts somebody gets: of each class those of the severities listed."""

    system: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About the gateway itself.")
    hardware: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About the machine.")
    updater: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About updates.")
    outbreak_filters: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About outbreak filters.")
    anti_virus: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About virus scanning.")
    anti_spam: tuple[Severity, ...] = setting(ALL_SEVERITIES, "About spam scanning.")
    harvest_attacks: tuple[Severity, ...] = setting(
        ALL_SEVERITIES, "About those who try out addresses (directory harvest attacks)."
    )

    def gets(self, severity: Severity, about: AlertClass) -> bool:
        """Whether alerts of that severity and class go there."""
        severities: tuple[Severity, ...] = getattr(self, FIELDS[about])
        return severity in severities


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Who is told of what happens to the gateway, and how often."""

    recipients: Mapping[str, AlertRecipient] = setting(
        lambda: MappingProxyType({}),
        "Who gets alerts, by address; with `{}` all of them.",
        examples=("{ops@corp.example: {}, desk@corp.example: {system: [Critical]}}",),
        parse_key=parse_mailbox,
        entries_max=RECIPIENTS_MAX,
    )
    from_address: str = setting(
        "",
        "From of alerts; empty is `alert` at the gateway's `hostname`.",
        examples=("Mail gateway <gateway@corp.example>",),
        parse=parse_from,
    )
    initial_wait_seconds: float = setting(
        300.0,
        "Wait before repeats of an alert are told of, put together into one; each wait is longer "
        "than the last. 0 sends each of them at once.",
        minimum=0,
        maximum=WAIT_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    max_wait_seconds: float = setting(
        3600.0,
        "Longest wait before repeats are told of.",
        minimum=1,
        maximum=WAIT_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    autosupport_address: str = setting(
        "",
        "Who gets a copy of all alerts, and once a week a report of uptime, status and version; "
        "empty is nobody.",
        examples=("support@partner.example",),
        parse=parse_recipient,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if self.max_wait_seconds < self.initial_wait_seconds:
            yield Problem("max_wait_seconds", "must not be less than `initial_wait_seconds`")

    def addresses_for(self, severity: Severity, about: AlertClass) -> tuple[str, ...]:
        """Return who gets alerts of that severity and class, AutoSupport as the last."""
        found = [a for a, recipient in self.recipients.items() if recipient.gets(severity, about)]
        if self.autosupport_address and self.autosupport_address not in found:
            found.append(self.autosupport_address)
        return tuple(found)

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """Everybody who may ever get anything."""
        support = (self.autosupport_address,) if self.autosupport_address else ()
        return tuple(dict.fromkeys((*self.recipients, *support)))
