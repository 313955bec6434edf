"""Every line form of mailflow 8.2 - 8.5 that has a method, word for word, and our own ones."""

from collections.abc import Callable

from mailwarden.system.log.maillog import MailLog

Call = Callable[[MailLog], None]
PENDING = 1_289_297_822.0  # Tue Nov  9 10:17:02 2010 UTC
UNKNOWN = "5.1.0 - Unknown address error"
ANN, BOB = "ann@corp.example", "bob@partner.example"

CONNECTION: list[tuple[Call, str]] = [
    (
        lambda log: log.new_smtp_icid(
            501, "Data1", "203.0.113.5", "192.0.2.25", "mail.partner.example", True
        ),
        (
            "New SMTP ICID 501 interface Data1 (203.0.113.5) address 192.0.2.25 reverse dns host "
            "mail.partner.example verified yes"
        ),
    ),
    (
        lambda log: log.new_smtp_icid(502, "Data1", "203.0.113.5", "198.51.100.7", "", False),
        (
            "New SMTP ICID 502 interface Data1 (203.0.113.5) address 198.51.100.7 reverse dns host "
            "unknown verified no"
        ),
    ),
    (
        lambda log: log.access(501, "ACCEPT", "UNKNOWNLIST", "sbrs[-1.0:10.0]", 3.4),
        "ICID 501 ACCEPT SG UNKNOWNLIST match sbrs[-1.0:10.0] SBRS 3.4",
    ),
    (
        lambda log: log.access(502, "ACCEPT", "SUSPECTLIST", "nx.domain", None),
        "ICID 502 ACCEPT SG SUSPECTLIST match nx.domain SBRS None",
    ),
    (
        lambda log: log.access(503, "RELAY", "RELAYLIST", "192.0.2.0/24", "not enabled"),
        "ICID 503 RELAY SG RELAYLIST match 192.0.2.0/24 SBRS not enabled",
    ),
    (
        lambda log: log.access(504, "REJECT", "BLACKLIST", "sbrs[-10.0:-3.0]", -6.1),
        "ICID 504 REJECT SG BLACKLIST match sbrs[-10.0:-3.0] SBRS -6.1",
    ),
    (
        lambda log: log.tcp_refuse("BLACKLIST", "dnslist[bl.example.org]", None),
        "ICID 0 TCPREFUSE SG BLACKLIST match dnslist[bl.example.org] SBRS None",
    ),
    (
        lambda log: log.access(505, "ACCEPT", "", "ALL", "rfc1918"),
        "ICID 505 ACCEPT SG None match ALL SBRS rfc1918",
    ),
    (
        lambda log: log.access(506, "ACCEPT", "SUSPECTLIST", "sbrs[none]", "unable to retrieve"),
        "ICID 506 ACCEPT SG SUSPECTLIST match sbrs[none] SBRS unable to retrieve",
    ),
    (
        lambda log: log.tls_success_in(501, "TLSv1", "DHE-RSA-AES256-SHA"),
        "ICID 501 TLS success protocol TLSv1 cipher DHE-RSA-AES256-SHA",
    ),
    (lambda log: log.tls_failed_in(507), "ICID 507 TLS failed"),
    (
        lambda log: log.tls_required_in(508),
        "ICID 508 TLS was required but remote host did not initiate it",
    ),
    (
        lambda log: log.auth(509, True, "ann", "LOGIN", "corpauth"),
        (
            "SMTP Auth: (ICID 509) succeeded for user: ann using AUTH mechanism: LOGIN with "
            "profile: corpauth"
        ),
    ),
    (
        lambda log: log.auth(510, False, "ann", "PLAIN", "corpauth"),
        (
            "SMTP Auth: (ICID 510) failed for user: ann using AUTH mechanism: PLAIN with profile: "
            "corpauth"
        ),
    ),
    (
        lambda log: log.alias_match(7001, 0, "sales@corp.example", [ANN, BOB]),
        f"Alias match: MID 7001 RID 0 recipient sales@corp.example mapped to ['{ANN}', '{BOB}']",
    ),
    (
        lambda log: log.sender_judged(
            514, "a@nope.invalid", "sender rejected, envelope sender domain does not exist"
        ),
        (
            "ICID 514 Address: <a@nope.invalid> sender rejected, envelope sender domain does not "
            "exist"
        ),
    ),
    (
        lambda log: log.receiving_failed(511, "Message size exceeds limit"),
        "ICID 511 Receiving Failed: Message size exceeds limit",
    ),
    (
        lambda log: log.receiving_failed(512, "Connection limit exceeded"),
        "ICID 512 Receiving Failed: Connection limit exceeded",
    ),
    (
        lambda log: log.receiving_failed(513, "Message loop"),
        "ICID 513 Receiving Failed: Message loop",
    ),
    (lambda log: log.unknown_command(514, "FOO bar"), "ICID 514 Unknown command: 'FOO bar'"),
    (lambda log: log.bad_syntax(515, "MAIL"), "ICID 515 Bad syntax for command: 'MAIL'"),
    (lambda log: log.icid_lost(516), "ICID 516 lost"),
    (lambda log: log.icid_close(516), "ICID 516 close"),
    (
        lambda log: log.lost_before_command(517, "198.51.100.9", "Data1", "203.0.113.5", 61, 60),
        (
            "ICID 517 Connection from 198.51.100.9 on interface Data1 (203.0.113.5) lost after 61 "
            "seconds (DNS query took 60 seconds), before any commands were received"
        ),
    ),
    (  # 2.4
        lambda log: log.no_injection_timeout(518, "198.51.100.9"),
        "ICID 518 disconnected address 198.51.100.9, no messages injected within timeout period",
    ),
    (
        lambda log: log.connection_time_exceeded(518, "198.51.100.9"),
        "ICID 518 disconnected address 198.51.100.9, exceeded allowable connection time",
    ),
    (
        lambda log: log.delayed_reject(518, "198.51.100.9"),
        "ICID 518 Delayed HAT REJECT continuing session for recipient logging (198.51.100.9)",
    ),
    (  # 2.5
        lambda log: log.invalid_sender(519, "partial domain", "ann@x"),
        "ICID 519 Invalid sender address: partial domain: 'ann@x'",
    ),
    (
        lambda log: log.invalid_recipient(519, 7001, "no address", "o'brien"),
        'ICID 519 MID 7001 Invalid recipient address: no address: "o\'brien"',
    ),
]

MESSAGE: list[tuple[Call, str]] = [
    (
        lambda log: log.invalid_bounce_rejected(7025, 519, "ann@corp.example"),
        (
            "MID 7025 ICID 519 invalid bounce, rcpt address <ann@corp.example> rejected by bounce "
            "verification."
        ),
    ),
    (
        lambda log: log.invalid_bounce_tagged(7026, 520),
        "MID 7026 ICID 520 invalid bounce, tagging",
    ),
    (
        lambda log: log.masqueraded_sender(7023, "joe", "joe@corp.example"),
        "MID 7023 masquerading envelope sender from 'joe' to 'joe@corp.example'",
    ),
    (
        lambda log: log.masqueraded_header(7023, "To", "x@a.example", "x@corp.example"),
        "MID 7023 masquerading header 'To' from 'x@a.example' to 'x@corp.example'",
    ),
    (
        lambda log: log.not_masqueraded(7023, "Cc", "an address has no end"),
        "MID 7023 masquerading left header 'Cc' as it is: an address has no end",
    ),
    (lambda log: log.start_mid(7001, 501), "Start MID 7001 ICID 501"),
    (
        lambda log: log.mail_from(7001, 501, "ann@partner.example"),
        "MID 7001 ICID 501 From: <ann@partner.example>",
    ),
    (
        lambda log: log.rcpt_to(7001, 501, 0, "bob@corp.example"),
        "MID 7001 ICID 501 RID 0 To: <bob@corp.example>",
    ),
    (
        lambda log: log.rcpt_rejected(7001, 501, "zed@corp.example", "LDAPACCEPT"),
        "MID 7001 ICID 501 To: <zed@corp.example> Rejected by LDAPACCEPT",
    ),
    (
        lambda log: log.rcpt_rejected(7001, 501, "x@other.example", "RAT"),
        "MID 7001 ICID 501 To: <x@other.example> Rejected by RAT",
    ),
    (
        lambda log: log.rcpt_rejected(7001, 501, "y@corp.example", "Receiving Control"),
        "MID 7001 ICID 501 To: <y@corp.example> Rejected by Receiving Control",
    ),
    (
        lambda log: log.message_id(7001, "<4f1a@partner.example>"),
        "MID 7001 Message-ID '<4f1a@partner.example>'",
    ),
    (
        lambda log: log.subject(7001, "Quarterly numbers"),
        "MID 7001 Subject 'Quarterly numbers'",
    ),
    (
        lambda log: log.ready(7001, 2481, "ann@partner.example"),
        "MID 7001 ready 2481 bytes from <ann@partner.example>",
    ),
    (
        lambda log: log.aborted(7002, "Receiving aborted"),
        "Message aborted MID 7002 Receiving aborted",
    ),
    (lambda log: log.finished(7002, "aborted"), "Message finished MID 7002 aborted"),
    (
        lambda log: log.matched_policy(7001, "DEFAULT", "inbound"),
        "MID 7001 matched all recipients for per-recipient policy DEFAULT in the inbound table",
    ),
    (
        lambda log: log.split(7003, 7004, "Sales", "inbound"),
        (
            "MID 7003 was split creating MID 7004 due to a per-recipient policy Sales in the "
            "inbound table"
        ),
    ),
    (lambda log: log.could_not_split(7003), "MID 7003 could not be split"),
    (
        lambda log: log.held(7009, "Policy", "content filter:cc_numbers"),
        'MID 7009 quarantined to "Policy" (content filter:cc_numbers)',
    ),
    (
        lambda log: log.released(7009, "Policy", "manual", 842),
        'MID 7009 released from quarantine "Policy" (manual) t=842',
    ),
    (
        lambda log: log.rewritten(7010, 7011, "add-footer filter 'legal'"),
        "MID 7010 rewritten to MID 7011 by add-footer filter 'legal'",
    ),
    (
        lambda log: log.generated_based_on(7012, 7011, "bcc filter 'audit'"),
        "MID 7012 was generated based on MID 7011 by bcc filter 'audit'",
    ),
    (
        lambda log: log.generated_for_bounce(7013, 7011),
        "MID 7013 was generated for bounce of MID 7011",
    ),
    (
        lambda log: log.aborted(7014, "Dropped by filter 'block_exe'"),
        "Message aborted MID 7014 Dropped by filter 'block_exe'",
    ),
    (lambda log: log.queued(7001), "MID 7001 queued for delivery"),
    (  # ours: the product never defers in the work queue
        lambda log: log.stage_deferred(7001, "antivirus", "no answer", PENDING),
        "MID 7001 deferred by antivirus until Tue Nov  9 10:17:02 2010: no answer",
    ),
    (lambda log: log.finished(7001), "Message finished MID 7001 done"),
]

DELIVERY: list[tuple[Call, str]] = [
    (
        lambda log: log.global_unsubscribe(7024, 0, "bob@partner.example", "bob@", "bounced"),
        (
            "MID 7024 Global unsubscribe matched entry bob@ RID 0 Address bob@partner.example "
            "Action bounced"
        ),
    ),
    (
        lambda log: log.new_smtp_dcid(88, "203.0.113.6", "192.0.2.80", 25),
        "New SMTP DCID 88 interface 203.0.113.6 address 192.0.2.80 port 25",
    ),
    (
        lambda log: log.tls_success_out(88, "TLSv1", "RC4-SHA", "mail.int.example"),
        "DCID 88 TLS success protocol TLSv1 cipher RC4-SHA CN=mail.int.example",
    ),
    (
        lambda log: log.tls_failed_out(89, "STARTTLS unexpected response"),
        "DCID 89 TLS failed: STARTTLS unexpected response",
    ),
    (
        lambda log: log.tls_required_out(90, "192.0.2.81"),
        "DCID 90 IP 192.0.2.81 TLS was required but could not be successfully negotiated",
    ),
    (
        lambda log: log.delivery_start(88, 7001, [0]),
        "Delivery start DCID 88 MID 7001 to RID [0]",
    ),
    (
        lambda log: log.message_done(88, 7001, [0]),
        "Message done DCID 88 MID 7001 to RID [0]",
    ),
    (
        lambda log: log.message_done(88, 7001, [0], [("X-SBRS", "None")]),
        "Message done DCID 88 MID 7001 to RID [0] [('X-SBRS', 'None')]",
    ),
    (
        lambda log: log.response(7001, [0], "2.0.0 Ok: queued as 8F2C"),
        "MID 7001 RID [0] Response 2.0.0 Ok: queued as 8F2C",
    ),
    (lambda log: log.dcid_close(88), "DCID 88 close"),
    (
        lambda log: log.delivery_start(91, 7017, (0, 1)),
        "Delivery start DCID 91 MID 7017 to RID [0, 1]",
    ),
    (
        lambda log: log.bounced(91, 7017, 0, ANN, BOB, UNKNOWN, "550", ["no such user"]),
        (
            "Bounced: DCID 91 MID 7017 to RID 0 - 5.1.0 - Unknown address error "
            "('550', ['no such user']) []"
        ),
    ),
    (
        lambda log: log.bounced(
            0,
            7018,
            0,
            ANN,
            "bob@nope.example",
            "5.1.2 - Bad destination host",
            "000",
            ["DNS Hard Error looking up nope.example (MX):  NXDomain"],
        ),
        (
            "Bounced: DCID 0 MID 7018 to RID 0 - 5.1.2 - Bad destination host ('000', "
            "['DNS Hard Error looking up nope.example (MX):  NXDomain']) []"
        ),
    ),
    (
        lambda log: log.delayed(
            91, 7017, 1, ANN, BOB, "4.1.0 - Unknown address error", "451", ["try later"]
        ),
        (
            "Delayed: DCID 91 MID 7017 to RID 1 - 4.1.0 - Unknown address error "
            "('451', ['try later']) []"
        ),
    ),
    (
        lambda log: log.pending_till(7017, [1], PENDING, "Default"),
        "MID 7017 to RID [1] pending till Tue Nov  9 10:17:02 2010 [Default]",
    ),
    (
        lambda log: log.double_bounce(7019, 0, "5.1.0 - Unknown address error 550-'no such user'"),
        "Double bounce: MID 7019 to RID 0 - 5.1.0 - Unknown address error 550-'no such user'",
    ),
    (
        lambda log: log.connection_error(92, "192.0.2.82", "timeout", "203.0.113.6"),
        (
            "Connection Error: connection timed out DCID: 92 IP: 192.0.2.82 details: timeout "
            "interface: 203.0.113.6"
        ),
    ),
    (
        lambda log: log.connection_error(93, "192.0.2.83", "EOF", "203.0.113.6"),
        (
            "Connection Error: DCID: 93 IP: 192.0.2.83 details: EOF interface: 203.0.113.6 "
            "reason: network error"
        ),
    ),
    (
        lambda log: log.possible_delivery(94, 7020, [0]),
        "Possible Delivery: DCID: 94 MID 7020 to [0]",
    ),
    (
        lambda log: log.dcid_limit(95),
        "Mail delivery client with DCID 95 exited due to the maximum concurrency configuration.",
    ),
    (lambda log: log.deleted(7021, [0]), "Deleted: MID 7021 to [0]"),
    (  # ours: the product says nothing when a route drops
        lambda log: log.dropped(7022, [0], "SMTP route /dev/null"),
        "Dropped: MID 7022 to RID [0] by SMTP route /dev/null",
    ),
]

GENERAL: list[tuple[Call, str]] = [
    (
        lambda log: log.info("Deliveries are currently suspended"),
        "Deliveries are currently suspended",
    ),
]

EXAMPLES = [*CONNECTION, *MESSAGE, *DELIVERY, *GENERAL]
