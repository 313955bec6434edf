"""A message on its way through the work queue."""

from mailwarden.core.mail.envelope import Direction, Envelope
from mailwarden.core.mail.message import Message
from mailwarden.core.verdict import Verdicts
from mailwarden.stores.spool.spool import Entry, Stored


class Job:
    """What the stages see of a message: envelope, recipients, content and findings so far.

    The content is parsed at most once, when a stage first asks for it. A stage that changes the
    message hands on a new `stored`; one that nobody touches leaves as it came.
    """

    __slots__ = ("_message", "_verdicts", "entry", "policy", "rids", "stored")

    def __init__(self, entry: Entry, stored: Stored) -> None:
        self.entry = entry
        self.stored = stored
        self.rids = tuple(entry.open_rids(len(stored.envelope.recipients)))
        self.policy = stored.envelope.policy
        self._message: Message | None = None
        self._verdicts: Verdicts | None = None

    @property
    def mid(self) -> int:
        """The message id."""
        return self.entry.mid

    @property
    def envelope(self) -> Envelope:
        """Sender, recipients and where the message came from."""
        return self.stored.envelope

    @property
    def table(self) -> str:
        """Name of the policy table that applies, as in the log (mailflow 1.3)."""
        return "outbound" if self.envelope.direction is Direction.OUTGOING else "inbound"

    @property
    def message(self) -> Message:
        """The message's fields and parts."""
        if self._message is None:
            self._message = Message(self.stored.header, self.stored.content)
        return self._message

    @property
    def verdicts(self) -> Verdicts:
        """What the stages found out."""
        if self._verdicts is None:
            self._verdicts = Verdicts()
        return self._verdicts
