"""What the administrator sets of SMTP call-ahead (mailflow 2.8).

The manual names the settings; their defaults are ours (unconfirmed).
"""

import re
from dataclasses import dataclass
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, parse_hostport
from mailwarden.core.patterns import parse_mailbox
from mailwarden.core.policy.entry_line import check_reply
from mailwarden.core.setting import Unit, setting
from mailwarden.core.smtp.reply import Reply
from mailwarden.services.call_ahead.answers import Finding

ACCEPT: Final = "accept"
DEFAULT_PORT: Final = 25
PROFILES_MAX: Final = 100
_REPLY: Final = re.compile(r"([0-9]{3}) (.+)")


def parse_server(text: str) -> str:
    """Return a server as it is kept: `host`, `host:port`, `address` or `[address]:port`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    parse_hostport(text, default_port=DEFAULT_PORT)
    return text.strip()


def parse_action(text: str) -> str:
    """Return `accept`, or the reply that rejects, as `550 Text`.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    value = text.strip()
    if value.lower() == ACCEPT:
        return ACCEPT
    action_reply(value)
    return value


def action_reply(action: str) -> Reply | None:
    """Return the reply that `action` gives; None is to accept.

    Raises:
        ValueError: it is no action.
    """
    if action == ACCEPT:
        return None
    match = _REPLY.fullmatch(action)
    if match is None:
        shown = repr(action[:SHOWN_LENGTH_MAX])
        raise ValueError(f"{shown} is no action; write `accept`, or a reply: `550 No such user`")
    return check_reply(Reply(int(match[1]), match[2]), is_acceptance=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAheadProfile:
    """Whom to ask about recipients, and what the answers mean."""

    servers: tuple[str, ...] = setting(
        (),
        "Servers to ask, in turn: `host:port`; a name is looked up as MX, then as A, SMTP routes "
        "do not count. Empty is the host that mail for the recipient is delivered to.",
        examples=("mail.int.example:25",),
        parse=parse_server,
        entries_max=50,
    )
    interface: str = setting(
        "",
        "Interface to ask from; empty lets the system choose the address.",
        refers_to=("interfaces",),
    )
    mail_from: str = setting(
        "", "Sender in MAIL FROM; empty is the null sender `<>`.", parse=parse_mailbox
    )
    request_timeout_seconds: float = setting(
        30.0,
        "Waiting for an answer, with all that it takes.",
        minimum=0.1,
        maximum=300,
        unit=Unit.SECONDS,
    )
    failure_action: str = setting(
        ACCEPT,
        "When no server can be asked: `accept`, or a reply that rejects, as `451 Try later`.",
        parse=parse_action,
    )
    temporary_failure_action: str = setting(
        "451 #4.1.1 Recipient address cannot be verified now",
        "When the server answers 4xx: the same.",
        parse=parse_action,
    )
    permanent_failure_action: str = setting(
        "550 #5.1.1 Recipient address rejected",
        "When the server answers 5xx: the same.",
        parse=parse_action,
    )
    max_recipients_per_session: int = setting(
        50, "Questions asked before a connection is ended.", minimum=1, maximum=1000
    )
    max_connections_per_server: int = setting(
        5, "Connections to one server at the same time, over all workers.", minimum=1
    )
    cache_size: int = setting(
        10_000,
        "Answers that each worker remembers; 0 asks each time.",
        minimum=0,
        maximum=1_000_000,
    )
    cache_ttl_seconds: float = setting(
        900.0, "How long 2xx counts.", minimum=0, maximum=7 * 86_400, unit=Unit.SECONDS
    )
    cache_negative_ttl_seconds: float = setting(
        300.0,
        "How long 5xx counts; 4xx counts for a minute of it at most.",
        minimum=0,
        maximum=7 * 86_400,
        unit=Unit.SECONDS,
    )

    def action_after(self, finding: Finding) -> str:
        """Return what becomes of a recipient after an answer."""
        match finding:
            case Finding.ACCEPTED:
                return ACCEPT
            case Finding.TEMPORARY:
                return self.temporary_failure_action
            case Finding.PERMANENT:
                return self.permanent_failure_action
            case Finding.FAILED:
                return self.failure_action
