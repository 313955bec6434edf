"""Who the mail comes from that the gateway writes itself (admin 8.5, SYS-35)."""

from dataclasses import dataclass
from typing import Final

from mailwarden.core.mail.from_field import parse_from
from mailwarden.core.setting import setting

_EXAMPLE: Final = ("Postmaster <postmaster@corp.example>",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAddressSettings:
    """The From of the gateway's own mail; none set is `MAILER-DAEMON` of the `hostname`."""

    anti_virus: str = setting(
        "", "From of notifications about viruses (AVFROM).", examples=_EXAMPLE, parse=parse_from
    )
    bounces: str = setting(
        "", "From of bounces, warnings and reports of success (BOUNCEFROM).",
        examples=_EXAMPLE, parse=parse_from,
    )  # fmt: skip
    notifications: str = setting(
        "", "From of notifications by filters (NOTIFYFROM).", examples=_EXAMPLE, parse=parse_from
    )
    quarantine: str = setting(
        "", "From of what the quarantines send (QUARANTINEFROM).",
        examples=_EXAMPLE, parse=parse_from,
    )  # fmt: skip
    others: str = setting(
        "", "From of all other mail, but for alerts (OTHERFROM).",
        examples=_EXAMPLE, parse=parse_from,
    )  # fmt: skip
