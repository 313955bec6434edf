"""Lines about connections that come in (mailflow 8.2)."""

from mailwarden.system.log.emitter import Emitter
from mailwarden.system.log.escape import escape, quote


def score(sbrs: float | str | None) -> str:
    """Return what stands behind `SBRS`: `3.4`, `None`, or the words given."""
    if sbrs is None:
        return "None"
    return escape(sbrs) if isinstance(sbrs, str) else f"{sbrs:.1f}"


class ConnectionEvents(Emitter):
    """What happens on a listener before and between messages."""

    __slots__ = ()

    def new_smtp_icid(
        self, icid: int, interface: str, address: str, client: str, host: str, verified: bool
    ) -> None:
        """`interface` and its `address`; address and reverse name of the client ("" is none)."""
        interface, address, client = escape(interface), escape(address), escape(client)
        host = escape(host) or "unknown"
        text = (
            f"New SMTP ICID {icid} interface {interface} ({address}) address {client} "
            f"reverse dns host {host} verified {'yes' if verified else 'no'}"
        )
        if self._json:
            fields = {
                "icid": icid,
                "interface": interface,
                "address": address,
                "client": client,
                "host": host,
                "verified": verified,
            }
            self._event("new_smtp_icid", text, fields)
        else:
            self._line(text)

    def access(
        self, icid: int, rule: str, group: str, match: str, sbrs: float | str | None
    ) -> None:
        """The HAT's answer: `rule` as ACCEPT, RELAY or REJECT; `match` is the literal entry."""
        group, match, shown = escape(group) or "None", escape(match), score(sbrs)
        text = f"ICID {icid} {rule} SG {group} match {match} SBRS {shown}"
        if self._json:
            fields = {"icid": icid, "rule": rule, "group": group, "match": match, "sbrs": shown}
            self._event("access", text, fields)
        else:
            self._line(text)

    def sender_judged(self, icid: int, address: str, words: str) -> None:
        """What sender verification or the exception table says of MAIL FROM (mailflow 3.8)."""
        address, words = escape(address), escape(words)
        text = f"ICID {icid} Address: <{address}> {words}"
        if self._json:
            self._event("sender_judged", text, {"icid": icid, "address": address, "words": words})
        else:
            self._line(text)

    def tcp_refuse(self, group: str, match: str, sbrs: float | str | None) -> None:
        """A connection that was dropped without a banner; it has no ICID."""
        group, match, shown = escape(group) or "None", escape(match), score(sbrs)
        text = f"ICID 0 TCPREFUSE SG {group} match {match} SBRS {shown}"
        if self._json:
            fields = {"icid": 0, "rule": "TCPREFUSE", "group": group, "match": match, "sbrs": shown}
            self._event("tcp_refuse", text, fields)
        else:
            self._line(text)

    def delayed_reject(self, icid: int, client: str) -> None:
        """A REJECT that is put off until RCPT, so that sender and recipients get logged."""
        client = escape(client)
        text = f"ICID {icid} Delayed HAT REJECT continuing session for recipient logging ({client})"
        if self._json:
            self._event("delayed_reject", text, {"icid": icid, "client": client})
        else:
            self._line(text)

    def tls_success_in(self, icid: int, protocol: str, cipher: str) -> None:
        """The client's TLS handshake succeeded."""
        protocol, cipher = escape(protocol), escape(cipher)
        text = f"ICID {icid} TLS success protocol {protocol} cipher {cipher}"
        if self._json:
            fields = {"icid": icid, "protocol": protocol, "cipher": cipher}
            self._event("tls_success_in", text, fields)
        else:
            self._line(text)

    def tls_failed_in(self, icid: int) -> None:
        """The client's TLS handshake failed."""
        text = f"ICID {icid} TLS failed"
        if self._json:
            self._event("tls_failed_in", text, {"icid": icid})
        else:
            self._line(text)

    def tls_required_in(self, icid: int) -> None:
        """The client did not begin TLS where it had to."""
        text = f"ICID {icid} TLS was required but remote host did not initiate it"
        if self._json:
            self._event("tls_required_in", text, {"icid": icid})
        else:
            self._line(text)

    def auth(self, icid: int, succeeded: bool, user: str, mechanism: str, profile: str) -> None:
        """The client tried to authenticate."""
        result, user = "succeeded" if succeeded else "failed", escape(user)
        mechanism, profile = escape(mechanism), escape(profile)
        text = (
            f"SMTP Auth: (ICID {icid}) {result} for user: {user} "
            f"using AUTH mechanism: {mechanism} with profile: {profile}"
        )
        if self._json:
            fields = {
                "icid": icid,
                "succeeded": succeeded,
                "user": user,
                "mechanism": mechanism,
                "profile": profile,
            }
            self._event("auth", text, fields)
        else:
            self._line(text)

    def receiving_failed(self, icid: int, reason: str) -> None:
        """`reason` in the product's words, as `Message size exceeds limit`."""
        text = f"ICID {icid} Receiving Failed: {escape(reason)}"
        if self._json:
            self._event("receiving_failed", text, {"icid": icid, "reason": escape(reason)})
        else:
            self._line(text)

    def unknown_command(self, icid: int, line: str) -> None:
        """`line` as the client sent it."""
        text = f"ICID {icid} Unknown command: {quote(line)}"
        if self._json:
            self._event("unknown_command", text, {"icid": icid, "line": escape(line)})
        else:
            self._line(text)

    def bad_syntax(self, icid: int, verb: str) -> None:
        """A known command whose arguments make no sense."""
        text = f"ICID {icid} Bad syntax for command: {quote(verb)}"
        if self._json:
            self._event("bad_syntax", text, {"icid": icid, "verb": escape(verb)})
        else:
            self._line(text)

    def invalid_sender(self, icid: int, reason: str, part: str) -> None:
        """`part` is the piece of MAIL FROM that could not be taken."""
        text = f"ICID {icid} Invalid sender address: {escape(reason)}: {quote(part)}"
        if self._json:
            fields = {"icid": icid, "reason": escape(reason), "part": escape(part)}
            self._event("invalid_sender", text, fields)
        else:
            self._line(text)

    def invalid_recipient(self, icid: int, mid: int, reason: str, part: str) -> None:
        """`part` is the piece of RCPT TO that could not be taken."""
        text = f"ICID {icid} MID {mid} Invalid recipient address: {escape(reason)}: {quote(part)}"
        if self._json:
            fields = {"icid": icid, "mid": mid, "reason": escape(reason), "part": escape(part)}
            self._event("invalid_recipient", text, fields)
        else:
            self._line(text)

    def no_injection_timeout(self, icid: int, client: str) -> None:
        """The client brought no message in time."""
        client = escape(client)
        text = (
            f"ICID {icid} disconnected address {client}, no messages injected within timeout period"
        )
        if self._json:
            self._event("no_injection_timeout", text, {"icid": icid, "client": client})
        else:
            self._line(text)

    def connection_time_exceeded(self, icid: int, client: str) -> None:
        """The connection lived too long."""
        client = escape(client)
        text = f"ICID {icid} disconnected address {client}, exceeded allowable connection time"
        if self._json:
            self._event("connection_time_exceeded", text, {"icid": icid, "client": client})
        else:
            self._line(text)

    def lost_before_command(
        self,
        icid: int,
        client: str,
        interface: str,
        address: str,
        seconds: float,
        dns_seconds: float,
    ) -> None:
        """The client vanished before it said anything."""
        client, interface, address = escape(client), escape(interface), escape(address)
        text = (
            f"ICID {icid} Connection from {client} on interface {interface} ({address}) "
            f"lost after {seconds:.0f} seconds (DNS query took {dns_seconds:.0f} seconds), "
            "before any commands were received"
        )
        if self._json:
            fields = {
                "icid": icid,
                "client": client,
                "interface": interface,
                "address": address,
                "seconds": seconds,
                "dns_seconds": dns_seconds,
            }
            self._event("lost_before_command", text, fields)
        else:
            self._line(text)

    def icid_lost(self, icid: int) -> None:
        """The client vanished; `icid_close` follows."""
        text = f"ICID {icid} lost"
        if self._json:
            self._event("icid_lost", text, {"icid": icid})
        else:
            self._line(text)

    def icid_close(self, icid: int) -> None:
        """The connection is over."""
        text = f"ICID {icid} close"
        if self._json:
            self._event("icid_close", text, {"icid": icid})
        else:
            self._line(text)
