"""The recipient access table: for whom a public listener takes mail (mailflow 4).

The first entry that matches decides; ALL, the last one, is for the rest. Relay hosts and users
with a password are not asked: for them every recipient is right.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.address import POSTMASTER
from mailwarden.core.policy.address_forms import ALL, AddressSearch
from mailwarden.core.smtp.reply import ADDRESS_REJECTED, Reply, recipient_ok

RAT_ENTRIES_MAX: Final = 1_000_000


class RatAction(Enum):
    """What becomes of a recipient."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class RatEntry(NamedTuple):
    """One line of the table; `form` is as `parse_bare_form` returns it, or ALL.

    The enhanced code of a reply is the one in its text, if any.
    """

    form: str
    action: RatAction
    reply: Reply | None = None  # instead of the usual one
    bypass_throttle: bool = False  # not counted and not refused by receiving control (mailflow 3.6)
    bypass_ldap: bool = False  # taken without asking the directory, in conversation and work queue
    bypass_callahead: bool = False  # taken without asking the next hop (mailflow 2.8)


DEFAULT_ENTRY: Final = RatEntry(ALL, RatAction.REJECT)
# RFC 5321, 4.5.1: a server that takes any mail takes `RCPT TO:<Postmaster>` too.
POSTMASTER_ENTRY: Final = RatEntry(POSTMASTER, RatAction.ACCEPT)


@dataclass(frozen=True, slots=True)
class Rat:
    """The table of one listener. `default` has the form ALL; no entry has."""

    entries: tuple[RatEntry, ...] = ()
    default: RatEntry = DEFAULT_ENTRY


class RatIndex:
    """Finds the entry for a recipient; made once of a table."""

    __slots__ = ("_default", "_entries", "_search")

    def __init__(self, rat: Rat) -> None:
        self._entries: Final = rat.entries
        self._default: Final = rat.default
        self._search: Final = AddressSearch(entry.form for entry in rat.entries)

    def find(self, recipient: str) -> RatEntry:
        """Return the entry that decides about `recipient`, an address as in an envelope.

        `postmaster` without a domain is only refused by an entry that names it, `postmaster@`.
        """
        position = self._search.find_first(recipient)
        if position >= 0:
            return self._entries[position]
        default = self._default
        if (
            default.action is RatAction.REJECT
            and len(recipient) == len(POSTMASTER)
            and recipient.lower() == POSTMASTER
        ):
            return POSTMASTER_ENTRY
        return default


def rat_reply(entry: RatEntry, recipient: str) -> Reply:
    """Return what the client hears when `entry` decides about `recipient`."""
    if entry.reply is not None:
        return entry.reply
    return recipient_ok(recipient) if entry.action is RatAction.ACCEPT else ADDRESS_REJECTED
