"""Expressions as the parsers of other people have them; they must go on working."""

from typing import Final

_IP: Final = r"[0-9a-fA-F.:]+"
_RIDS: Final = r"\[\d+(?:, \d+)*\]"

LINE_FORMS: Final = {
    "connection": rf"New SMTP ICID \d+ interface \S+ \({_IP}\) address {_IP} "
    r"reverse dns host \S+ verified (?:yes|no)",
    "access": r"ICID \d+ (?:ACCEPT|RELAY|REJECT|TCPREFUSE) SG \S+ match \S+ SBRS "
    r"(?:-?\d+\.\d|None|rfc1918|unable to retrieve|not enabled)",
    "delayed reject": rf"ICID \d+ Delayed HAT REJECT continuing session for .* \({_IP}\)",
    "tls in": r"ICID \d+ TLS (?:success protocol \S+ cipher \S+|failed|was required but .*)",
    "auth": r"SMTP Auth: \(ICID \d+\) (?:succeeded|failed) for user: .* "
    r"using AUTH mechanism: \S+ with profile: \S+",
    "receiving failed": r"ICID \d+ Receiving Failed: .+",
    "command": r"ICID \d+ (?:Unknown command|Bad syntax for command): (['\"]).*\1",
    "end of connection": r"ICID \d+ (?:lost|close)",
    "early loss": rf"ICID \d+ Connection from {_IP} on interface \S+ \({_IP}\) lost after \d+ "
    r"seconds \(DNS query took \d+ seconds\), before any commands were received",
    "disconnected": rf"ICID \d+ disconnected address {_IP}, .+",
    "alias": r"Alias match: MID \d+ RID \d+ recipient \S+ mapped to \[.*\]",
    "sender": r"ICID \d+ Address: <.*> sender (?:allowed|rejected), .+",
    "bad address": r"ICID \d+ (?:MID \d+ )?Invalid (?:sender|recipient) address: .+: .+",
    "start": r"Start MID \d+ ICID \d+",
    "from": r"MID \d+ ICID \d+ From: <.*>",
    "to": r"MID \d+ ICID \d+ RID \d+ To: <.+>",
    "rejected": r"MID \d+ ICID \d+ To: <.+> Rejected by (?:LDAPACCEPT|RAT|Receiving Control)",
    "invalid bounce": r"MID \d+ ICID \d+ invalid bounce, (?:tagging|rcpt address <.+> rejected by "
    r"bounce verification\.)",
    "masquerade": r"MID \d+ masquerading (?:(?:envelope sender|header '.+') from (['\"]).*\1 to "
    r"(['\"]).*\2|left header '.+' as it is: .+)",
    "unsubscribe": r"MID \d+ Global unsubscribe matched entry \S+ RID \d+ Address \S+ "
    r"Action (?:bounced|dropped)",
    "message-id": r"MID \d+ Message-ID '.*'",
    "subject": r"MID \d+ Subject (['\"]).*\1",
    "ready": r"MID \d+ ready \d+ bytes from <.*>",
    "aborted": r"Message aborted MID \d+ .+",
    "finished": r"Message finished MID \d+ (?:done|aborted)",
    "policy": r"MID \d+ matched all recipients for per-recipient policy .+ in the "
    r"(?:in|out)bound table",
    "split": r"MID \d+ was split creating MID \d+ due to a per-recipient policy .+ in the "
    r"(?:in|out)bound table",
    "not split": r"MID \d+ could not be split",
    "quarantine": r'MID \d+ (?:quarantined to|released from quarantine) "[^"]+" \(.+\)(?: t=\d+)?',
    "rewritten": r"MID \d+ rewritten to MID \d+ by .+",
    "generated": r"MID \d+ was generated (?:based on|for bounce of) MID \d+(?: by .+)?",
    "queued": r"MID \d+ queued for delivery",
    "deferred": r"MID \d+ deferred by \S+ until .{24}: .+",
    "connection out": rf"New SMTP DCID \d+ interface {_IP} address {_IP} port \d+",
    "tls out": r"DCID \d+ (?:TLS (?:success protocol|failed)|IP \S+ TLS was required) ?.*",
    "delivery": rf"Delivery start DCID \d+ MID \d+ to RID {_RIDS}",
    "done": rf"Message done DCID \d+ MID \d+ to RID {_RIDS}(?: \[.*\])?",
    "response": rf"MID \d+ RID {_RIDS} Response .*",
    "end of delivery": r"DCID \d+ close",
    "bounced": r"(?:Bounced|Delayed): DCID \d+ MID \d+ to RID \d+ - \d\.\d\.\d - .+ "
    r"\('\d{3}', \[.*\]\) \[.*\]",
    "pending": rf"MID \d+ to RID {_RIDS} pending till .{{24}} \[.+\]",
    "double bounce": r"Double bounce: MID \d+ to RID \d+ - .+",
    "connection error": rf"Connection Error: (?:connection timed out )?DCID: \d+ IP: {_IP} "
    rf"details: .+ interface: {_IP}(?: reason: .+)?",
    "possible": rf"Possible Delivery: DCID: \d+ MID \d+ to {_RIDS}",
    "limit": r"Mail delivery client with DCID \d+ exited due to the maximum concurrency "
    r"configuration\.",
    "deleted": rf"Deleted: MID \d+ to {_RIDS}",
    "dropped": rf"Dropped: MID \d+ to RID {_RIDS} by .+",
    "suspended": r"Deliveries are currently suspended",
}

MESSAGE_FORMS: Final = {
    "start": r"Info: Start MID (\d+) ICID (\d+)$",
    "sender": r"Info: MID (\d+) ICID \d+ From: <(.*)>$",
    "recipient": r"Info: MID (\d+) ICID \d+ RID (\d+) To: <(.*)>$",
    "subject": r"Info: MID (\d+) Subject ['\"](.*)['\"]$",
    "size": r"Info: MID (\d+) ready (\d+) bytes from",
    "delivery": r"Info: Delivery start DCID (\d+) MID (\d+) to RID \[(.*)\]$",
    "done": r"Info: Message done DCID (\d+) MID (\d+) to RID \[([^\]]*)\]",
    "finished": r"Info: Message finished MID (\d+) (done|aborted)$",
}
