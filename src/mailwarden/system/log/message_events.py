"""Lines about messages: receipt, work queue and end (mailflow 8.3, 8.4)."""

from collections.abc import Sequence

from mailwarden.system.log.connection_events import ConnectionEvents
from mailwarden.system.log.escape import escape, quote, quoted_list
from mailwarden.system.log.settings import Level
from mailwarden.system.log.stamp import ctime


class MessageEvents(ConnectionEvents):
    """What happens to a message between MAIL FROM and delivery."""

    __slots__ = ()

    def start_mid(self, mid: int, icid: int) -> None:
        """A message begins; `icid` 0 is one that the gateway makes."""
        text = f"Start MID {mid} ICID {icid}"
        if self._json:
            self._event("start_mid", text, {"mid": mid, "icid": icid})
        else:
            self._line(text)

    def mail_from(self, mid: int, icid: int, sender: str) -> None:
        """Its envelope sender; "" is the null one."""
        sender = escape(sender)
        text = f"MID {mid} ICID {icid} From: <{sender}>"
        if self._json:
            self._event("mail_from", text, {"mid": mid, "icid": icid, "sender": sender})
        else:
            self._line(text)

    def alias_match(self, mid: int, rid: int, address: str, targets: Sequence[str]) -> None:
        """A recipient stands for others, the first of which gets the number `rid` (5.3)."""
        shown, address = quoted_list(targets), escape(address)
        text = f"Alias match: MID {mid} RID {rid} recipient {address} mapped to {shown}"
        if self._json:
            fields = {"mid": mid, "rid": rid, "recipient": address, "targets": shown}
            self._event("alias_match", text, fields)
        else:
            self._line(text)

    def masqueraded_sender(self, mid: int, old: str, new: str) -> None:
        """An envelope sender became another one (5.4)."""
        text = f"MID {mid} masquerading envelope sender from {quote(old)} to {quote(new)}"
        if self._json:
            fields = {"mid": mid, "old": escape(old), "new": escape(new)}
            self._event("masqueraded_sender", text, fields)
        else:
            self._line(text)

    def masqueraded_header(self, mid: int, field: str, old: str, new: str) -> None:
        """An address in a header field became another one (5.4)."""
        text = f"MID {mid} masquerading header {quote(field)} from {quote(old)} to {quote(new)}"
        if self._json:
            fields = {"mid": mid, "field": escape(field), "old": escape(old), "new": escape(new)}
            self._event("masqueraded_header", text, fields)
        else:
            self._line(text)

    def not_masqueraded(self, mid: int, field: str, reason: str) -> None:
        """A header field could not be read, and stays as it came."""
        field, reason = escape(field), escape(reason)
        text = f"MID {mid} masquerading left header '{field}' as it is: {reason}"
        if self._json:
            self._event("not_masqueraded", text, {"mid": mid, "field": field, "reason": reason})
        else:
            self._line(text)

    def rcpt_to(self, mid: int, icid: int, rid: int, address: str) -> None:
        """A recipient that was accepted."""
        address = escape(address)
        text = f"MID {mid} ICID {icid} RID {rid} To: <{address}>"
        if self._json:
            fields = {"mid": mid, "icid": icid, "rid": rid, "recipient": address}
            self._event("rcpt_to", text, fields)
        else:
            self._line(text)

    def rcpt_rejected(self, mid: int, icid: int, address: str, by: str) -> None:
        """A recipient that got no RID; `by` is `RAT`, `LDAPACCEPT` or `Receiving Control`."""
        address, by = escape(address), escape(by)
        text = f"MID {mid} ICID {icid} To: <{address}> Rejected by {by}"
        if self._json:
            fields = {"mid": mid, "icid": icid, "recipient": address, "by": by}
            self._event("rcpt_rejected", text, fields)
        else:
            self._line(text)

    def invalid_bounce_rejected(self, mid: int, icid: int, address: str) -> None:
        """A recipient of a bounce that is none of our mail."""
        address = escape(address)
        text = (
            f"MID {mid} ICID {icid} invalid bounce, rcpt address <{address}> rejected by bounce "
            "verification."
        )
        if self._json:
            fields = {"mid": mid, "icid": icid, "recipient": address}
            self._event("invalid_bounce_rejected", text, fields)
        else:
            self._line(text)

    def invalid_bounce_tagged(self, mid: int, icid: int) -> None:
        """A bounce that is none of our mail gets a header field and goes on."""
        text = f"MID {mid} ICID {icid} invalid bounce, tagging"
        if self._json:
            self._event("invalid_bounce_tagged", text, {"mid": mid, "icid": icid})
        else:
            self._line(text)

    def message_id(self, mid: int, value: str) -> None:
        """The Message-ID field, with its angle brackets."""
        text = f"MID {mid} Message-ID {quote(value)}"
        if self._json:
            self._event("message_id", text, {"mid": mid, "message_id": escape(value)})
        else:
            self._line(text)

    def subject(self, mid: int, value: str) -> None:
        """The Subject field, unfolded."""
        text = f"MID {mid} Subject {quote(value)}"
        if self._json:
            self._event("subject", text, {"mid": mid, "subject": escape(value)})
        else:
            self._line(text)

    def ready(self, mid: int, size: int, sender: str) -> None:
        """The message is safe; `size` in bytes, with the headers that the gateway added."""
        sender = escape(sender)
        text = f"MID {mid} ready {size} bytes from <{sender}>"
        if self._json:
            self._event("ready", text, {"mid": mid, "size": size, "sender": sender})
        else:
            self._line(text)

    def aborted(self, mid: int, why: str) -> None:
        """As `Receiving aborted` or `Dropped by filter 'block_exe'`."""
        why = escape(why)
        text = f"Message aborted MID {mid} {why}"
        if self._json:
            self._event("aborted", text, {"mid": mid, "why": why})
        else:
            self._line(text)

    def finished(self, mid: int, how: str = "done") -> None:
        """The last line of a message; `how` is `done` or `aborted`."""
        text = f"Message finished MID {mid} {how}"
        if self._json:
            self._event("finished", text, {"mid": mid, "how": how})
        else:
            self._line(text)

    def matched_policy(self, mid: int, policy: str, table: str) -> None:
        """All recipients have one policy; `table` is `inbound` or `outbound`."""
        policy = escape(policy)
        text = (
            f"MID {mid} matched all recipients for per-recipient policy {policy} "
            f"in the {table} table"
        )
        if self._json:
            self._event("matched_policy", text, {"mid": mid, "policy": policy, "table": table})
        else:
            self._line(text)

    def split(self, mid: int, child: int, policy: str, table: str) -> None:
        """Some recipients of `mid` go on as `child`."""
        policy = escape(policy)
        text = (
            f"MID {mid} was split creating MID {child} due to a per-recipient policy {policy} "
            f"in the {table} table"
        )
        if self._json:
            fields = {"mid": mid, "child": child, "policy": policy, "table": table}
            self._event("split", text, fields)
        else:
            self._line(text)

    def could_not_split(self, mid: int) -> None:
        """The spool did not take the parts."""
        text = f"MID {mid} could not be split"
        if self._json:
            self._event("could_not_split", text, {"mid": mid})
        else:
            self._line(text)

    def queued(self, mid: int) -> None:
        """The message left the work queue."""
        text = f"MID {mid} queued for delivery"
        if self._json:
            self._event("queued", text, {"mid": mid})
        else:
            self._line(text)

    def stage_deferred(self, mid: int, stage: str, detail: str, until: float) -> None:
        """A stage could not do its work; the message waits until `until` (epoch seconds)."""
        text = f"MID {mid} deferred by {stage} until {ctime(until)}: {detail}"
        self.emit(
            "stage_deferred", text, level=Level.WARNING, mid=mid, stage=stage, detail=detail,
            until=until,
        )  # fmt: skip

    def held(self, mid: int, name: str, reason: str) -> None:
        """The message is kept aside under `name`."""
        name, reason = escape(name), escape(reason)
        text = f'MID {mid} quarantined to "{name}" ({reason})'
        if self._json:
            self._event("held", text, {"mid": mid, "name": name, "reason": reason})
        else:
            self._line(text)

    def released(self, mid: int, name: str, how: str = "manual", seconds: float = 0) -> None:
        """The message goes on; `how` it came free, and how long it was kept."""
        name, how = escape(name), escape(how)
        text = f'MID {mid} released from quarantine "{name}" ({how}) t={seconds:.0f}'
        if self._json:
            fields = {"mid": mid, "name": name, "how": how, "seconds": seconds}
            self._event("released", text, fields)
        else:
            self._line(text)

    def rewritten(self, mid: int, new: int, by: str) -> None:
        """The message goes on as `new`; `by` as `add-footer filter 'legal'`."""
        by = escape(by)
        text = f"MID {mid} rewritten to MID {new} by {by}"
        if self._json:
            self._event("rewritten", text, {"mid": mid, "new": new, "by": by})
        else:
            self._line(text)

    def generated_based_on(self, mid: int, original: int, by: str) -> None:
        """A copy of `original`; `by` as `bcc filter 'audit'`. Stands before `start_mid`."""
        by = escape(by)
        text = f"MID {mid} was generated based on MID {original} by {by}"
        if self._json:
            fields = {"mid": mid, "original": original, "by": by}
            self._event("generated_based_on", text, fields)
        else:
            self._line(text)

    def generated_for_bounce(self, mid: int, original: int) -> None:
        """A report about `original`. Stands before `start_mid`."""
        text = f"MID {mid} was generated for bounce of MID {original}"
        if self._json:
            self._event("generated_for_bounce", text, {"mid": mid, "original": original})
        else:
            self._line(text)
