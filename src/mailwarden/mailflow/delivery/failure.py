"""Why delivery to a recipient failed: the reason texts of mailflow 7.5, by phase."""

from typing import Final, NamedTuple

from mailwarden.core.smtp.client_replies import PeerReply
from mailwarden.core.smtp.client_rules import Refusal
from mailwarden.core.smtp.client_transaction import Step

NO_REPLY: Final = "000"  # code of failures that no remote host told us of

UNKNOWN_ADDRESS: Final = "1.0 - Unknown address error"
BAD_HOST: Final = "1.2 - Bad destination host"
OTHER_SYSTEM: Final = "3.0 - Other mail system problem"
SYSTEM_FULL: Final = "3.1 - Mail system full"
OTHER_NETWORK: Final = "4.0 - Other network problem"
ENCRYPTION_NEEDED: Final = "7.10 - Encryption needed"  # RFC 5248
NO_SERVICE: Final = "5.1.10 - Recipient address has null MX"  # RFC 7505, 4.1
ROUTING_LOOP: Final = "5.4.6 - Routing loop detected"
EXPIRED: Final = "5.4.7 - Delivery expired (message too old)"
UNSUBSCRIBED: Final = "5.x.0 - Message bounced by global unsubscribe"
BY_ADMINISTRATOR: Final = "5.x.0 - Message bounced by administrator"

_MAIL_SYSTEM_FULL: Final = ("4.3.1", "#4.3.1")
_TOO_MANY_RECIPIENTS: Final = ("4.5.3", "#4.5.3", "5.5.3", "#5.5.3")


class Failure(NamedTuple):
    """A reason (its first digit tells whether it is for good), and who said what."""

    reason: str  # `5.1.0 - Unknown address error`
    code: str = NO_REPLY
    lines: tuple[str, ...] = ()
    remote: str = ""  # address of the host that said it
    dcid: int = 0

    @property
    def is_permanent(self) -> bool:
        """Whether another attempt is of no use."""
        return self.reason.startswith("5")

    @property
    def response(self) -> str:
        """The answer as reports show it: `550-'no such user'`, or our own words in quotes."""
        text = " ".join(self.lines)
        if self.code == NO_REPLY:
            return f"'{text}'" if text else ""
        return f"{self.code}-'{text}'"

    @property
    def text(self) -> str:
        """Reason and response."""
        return f"{self.reason} {self.response}".rstrip()

    def for_good(self) -> "Failure":
        """Return the same failure, made permanent because no attempt is left."""
        return self._replace(reason=f"5{self.reason[1:]}")


class DeliveryFailedError(Exception):
    """No connection came about; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure: Final = failure


class UnsubscribedError(DeliveryFailedError):
    """Mail would go to an address that is on the global unsubscribe list (mailflow 7.7)."""


def unsubscribed(entry: str) -> Failure:
    """Return the failure of a recipient that `entry` of the list names."""
    return Failure(UNSUBSCRIBED, NO_REPLY, (entry,))


def reply_failure(step: Step, reply: PeerReply, remote: str, dcid: int) -> Failure:
    """Return the failure that a reply of 4yz or 5yz means."""
    kind = reply.code // 100
    if reply.code == 552 and step is Step.RCPT:
        kind = 4  # RFC 5321, 4.5.3.1.10: old servers mean "too many recipients"
    subject = UNKNOWN_ADDRESS if step in (Step.MAIL, Step.RCPT) else OTHER_SYSTEM
    if reply.code == 452 and reply.lines[0].startswith(_MAIL_SYSTEM_FULL):
        subject = SYSTEM_FULL
    return Failure(f"{kind}.{subject}", str(reply.code), reply.lines, remote, dcid)


def is_too_many_recipients(reply: PeerReply) -> bool:
    """Whether the rest of the recipients may follow at once (RFC 5321, 4.5.3.1.10)."""
    return reply.code in (452, 552) and reply.lines[0].startswith(_TOO_MANY_RECIPIENTS)


def host_failure(reply: PeerReply, remote: str, dcid: int) -> Failure:
    """Return the failure of a host that does not want to talk to us.

    It is never for good: 5yz in a greeting is mostly about a list that we stand on for now, and
    must not bounce a whole queue.
    """
    return Failure(f"4.{OTHER_NETWORK}", str(reply.code), reply.lines, remote, dcid)


def network_failure(details: str, remote: str = "", dcid: int = 0) -> Failure:
    """Return the failure of a connection that broke or did not come about."""
    return Failure(f"4.{OTHER_NETWORK}", NO_REPLY, (details,), remote, dcid)


def refusal_failure(refusal: Refusal, remote: str, dcid: int) -> Failure:
    """Return the failure of a message that the host cannot take."""
    return Failure(refusal.reason, NO_REPLY, (refusal.detail,), remote, dcid)


def local_failure(detail: str, *, full: bool = False) -> Failure:
    """Return the failure of a delivery on this machine."""
    return Failure(f"4.{SYSTEM_FULL if full else OTHER_SYSTEM}", NO_REPLY, (detail,))
