"""Lines about delivery (mailflow 8.5), and the bounce log (8.6)."""

from collections.abc import Sequence
from typing import Final

from mailwarden.system.log.escape import (
    ITEMS_MAX,
    REPLY_LINES_MAX,
    escape,
    pair_list,
    quoted_list,
    rid_list,
)
from mailwarden.system.log.message_events import MessageEvents
from mailwarden.system.log.stamp import ctime

_TIMEOUT: Final = "timeout"

Headers = Sequence[tuple[str, str]]


class DeliveryEvents(MessageEvents):
    """What happens on the way to the next hop."""

    __slots__ = ()

    def new_smtp_dcid(self, dcid: int, interface: str, address: str, port: int) -> None:
        """A connection to `address`, from our `interface` address."""
        interface, address = escape(interface), escape(address)
        text = f"New SMTP DCID {dcid} interface {interface} address {address} port {port}"
        if self._json:
            fields = {"dcid": dcid, "interface": interface, "address": address, "port": port}
            self._event("new_smtp_dcid", text, fields)
        else:
            self._line(text)

    def tls_success_out(self, dcid: int, protocol: str, cipher: str, cn: str) -> None:
        """`cn` is the common name of the peer's certificate."""
        protocol, cipher, cn = escape(protocol), escape(cipher), escape(cn)
        text = f"DCID {dcid} TLS success protocol {protocol} cipher {cipher} CN={cn}"
        if self._json:
            fields = {"dcid": dcid, "protocol": protocol, "cipher": cipher, "cn": cn}
            self._event("tls_success_out", text, fields)
        else:
            self._line(text)

    def tls_failed_out(self, dcid: int, reason: str) -> None:
        """As `STARTTLS unexpected response`."""
        reason = escape(reason)
        text = f"DCID {dcid} TLS failed: {reason}"
        if self._json:
            self._event("tls_failed_out", text, {"dcid": dcid, "reason": reason})
        else:
            self._line(text)

    def tls_required_out(self, dcid: int, address: str) -> None:
        """Nothing was sent, because it would have gone in clear."""
        address = escape(address)
        text = f"DCID {dcid} IP {address} TLS was required but could not be successfully negotiated"
        if self._json:
            self._event("tls_required_out", text, {"dcid": dcid, "address": address})
        else:
            self._line(text)

    def delivery_start(self, dcid: int, mid: int, rids: Sequence[int]) -> None:
        """A transaction for these recipients begins."""
        text = f"Delivery start DCID {dcid} MID {mid} to RID {rid_list(rids)}"
        if self._json:
            self._event("delivery_start", text, {"dcid": dcid, "mid": mid, "rids": _bounded(rids)})
        else:
            self._line(text)

    def message_done(self, dcid: int, mid: int, rids: Sequence[int], headers: Headers = ()) -> None:
        """The next hop took the message for these recipients."""
        text = f"Message done DCID {dcid} MID {mid} to RID {rid_list(rids)}"
        if headers:
            text = f"{text} {pair_list(headers)}"
        if self._json:
            fields = {
                "dcid": dcid,
                "mid": mid,
                "rids": _bounded(rids),
                "headers": _plain_headers(headers),
            }
            self._event("message_done", text, fields)
        else:
            self._line(text)

    def response(self, mid: int, rids: Sequence[int], reply: str) -> None:
        """What the next hop said to the final dot, without the code."""
        reply = escape(reply)
        text = f"MID {mid} RID {rid_list(rids)} Response {reply}"
        if self._json:
            self._event("response", text, {"mid": mid, "rids": _bounded(rids), "response": reply})
        else:
            self._line(text)

    def dcid_close(self, dcid: int) -> None:
        """The connection is over."""
        text = f"DCID {dcid} close"
        if self._json:
            self._event("dcid_close", text, {"dcid": dcid})
        else:
            self._line(text)

    def dcid_limit(self, dcid: int) -> None:
        """A connection was not opened, because there are too many."""
        text = (
            f"Mail delivery client with DCID {dcid} exited due to the maximum concurrency "
            "configuration."
        )
        if self._json:
            self._event("dcid_limit", text, {"dcid": dcid})
        else:
            self._line(text)

    def bounced(
        self,
        dcid: int,
        mid: int,
        rid: int,
        sender: str,
        recipient: str,
        reason: str,
        code: str,
        lines: Sequence[str],
        headers: Headers = (),
    ) -> None:
        """A recipient failed for good.

        `reason` as `5.1.0 - Unknown address error`; `code` and `lines` are the remote host's
        reply, or `000` and our own words. `dcid` is 0 when there was no connection.
        """
        reply = (code, lines)
        self._failed("Bounced", (dcid, mid, rid), sender, recipient, reason, reply, headers)

    def delayed(
        self,
        dcid: int,
        mid: int,
        rid: int,
        sender: str,
        recipient: str,
        reason: str,
        code: str,
        lines: Sequence[str],
        headers: Headers = (),
    ) -> None:
        """A recipient failed for now; the arguments are those of `bounced`."""
        reply = (code, lines)
        self._failed("Delayed", (dcid, mid, rid), sender, recipient, reason, reply, headers)

    def _failed(
        self,
        label: str,
        ids: tuple[int, int, int],
        sender: str,
        recipient: str,
        reason: str,
        reply: tuple[str, Sequence[str]],
        headers: Headers,
    ) -> None:
        dcid, mid, rid = ids
        code, lines = escape(reply[0]), reply[1]
        sender, recipient, reason = escape(sender), escape(recipient), escape(reason)
        answer = f"('{code}', {quoted_list(lines)})"
        text = (
            f"{label}: DCID {dcid} MID {mid} to RID {rid} - {reason} {answer} {pair_list(headers)}"
        )
        if self._bounces is not None:
            self._bounce_line(
                f"{label}: {mid}:{rid} From:<{sender}> To:<{recipient}> "
                f'Reason: "{reason}" Response: "{answer}"',
                headers,
            )
        if self._json:
            fields = {
                "dcid": dcid,
                "mid": mid,
                "rid": rid,
                "sender": sender,
                "recipient": recipient,
                "reason": reason,
                "code": code,
                "lines": [escape(line) for line in lines[:REPLY_LINES_MAX]],
                "headers": _plain_headers(headers),
            }
            self._event(label.lower(), text, fields)
        else:
            self._line(text)

    def _bounce_line(self, text: str, headers: Headers) -> None:
        if headers:
            text = f"{text} Headers: {quoted_list([f'{name}: {value}' for name, value in headers])}"
        if self._bounces is not None:
            self._bounces.write(f"{self._stamp()} Info: {text}")

    def pending_till(self, mid: int, rids: Sequence[int], until: float, profile: str) -> None:
        """When the next attempt is due (epoch seconds), by which bounce profile."""
        profile = escape(profile)
        text = f"MID {mid} to RID {rid_list(rids)} pending till {ctime(until)} [{profile}]"
        if self._json:
            fields = {"mid": mid, "rids": _bounded(rids), "until": until, "profile": profile}
            self._event("pending_till", text, fields)
        else:
            self._line(text)

    def double_bounce(self, mid: int, rid: int, reason: str) -> None:
        """A message with the null sender failed: nobody is told."""
        reason = escape(reason)
        text = f"Double bounce: MID {mid} to RID {rid} - {reason}"
        if self._json:
            self._event("double_bounce", text, {"mid": mid, "rid": rid, "reason": reason})
        else:
            self._line(text)

    def connection_error(
        self, dcid: int, address: str, details: str, interface: str, reason: str = "network error"
    ) -> None:
        """The connection broke or did not come about; `details` is `timeout`, `EOF` or the like."""
        details, reason = escape(details), escape(reason)
        address, interface = escape(address), escape(interface)
        where = f"DCID: {dcid} IP: {address} details: {details} interface: {interface}"
        if details == _TIMEOUT:
            text = f"Connection Error: connection timed out {where}"
        else:
            text = f"Connection Error: {where} reason: {reason}"
        if self._json:
            fields = {
                "dcid": dcid,
                "address": address,
                "details": details,
                "interface": interface,
                "reason": reason,
            }
            self._event("connection_error", text, fields)
        else:
            self._line(text)

    def possible_delivery(self, dcid: int, mid: int, rids: Sequence[int]) -> None:
        """The connection broke between the final dot and the reply; taken as delivered."""
        text = f"Possible Delivery: DCID: {dcid} MID {mid} to {rid_list(rids)}"
        if self._json:
            self._event(
                "possible_delivery", text, {"dcid": dcid, "mid": mid, "rids": _bounded(rids)}
            )
        else:
            self._line(text)

    def deleted(self, mid: int, rids: Sequence[int]) -> None:
        """An administrator removed these recipients."""
        text = f"Deleted: MID {mid} to {rid_list(rids)}"
        if self._json:
            self._event("deleted", text, {"mid": mid, "rids": _bounded(rids)})
        else:
            self._line(text)

    def global_unsubscribe(self, mid: int, rid: int, address: str, entry: str, action: str) -> None:
        """A recipient is on the global unsubscribe list; `action` is `dropped` or `bounced`."""
        address, entry = escape(address), escape(entry)
        text = (
            f"MID {mid} Global unsubscribe matched entry {entry} RID {rid} Address {address} "
            f"Action {action}"
        )
        if self._json:
            fields = {
                "mid": mid, "rid": rid, "recipient": address, "entry": entry, "action": action,
            }  # fmt: skip
            self._event("global_unsubscribe", text, fields)
        else:
            self._line(text)

    def dropped(self, mid: int, rids: Sequence[int], by: str) -> None:
        """These recipients end here by configuration; `by` as `SMTP route /dev/null`."""
        by = escape(by)
        text = f"Dropped: MID {mid} to RID {rid_list(rids)} by {by}"
        if self._json:
            self._event("dropped", text, {"mid": mid, "rids": _bounded(rids), "by": by})
        else:
            self._line(text)


def _bounded(rids: Sequence[int]) -> list[int]:
    return list(rids[:ITEMS_MAX])


def _plain_headers(headers: Headers) -> dict[str, str]:
    return {escape(name): escape(value) for name, value in headers[:REPLY_LINES_MAX]}
