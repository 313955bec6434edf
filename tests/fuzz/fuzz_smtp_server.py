"""Fuzzes the SMTP receiving core: `python -m tests.fuzz.fuzz_smtp_server -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core"]):
    from mailwarden.core.smtp.content import BareCrLf
    from mailwarden.core.smtp.events import EndOfContent
    from mailwarden.core.smtp.rules import ConversationRules
    from tests.unit.core.smtp.caller import Caller, make_rules

OPENING = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
CUTS_MAX = 16


def rules_of(bits: int) -> ConversationRules:
    """Return one of many sets of rules."""
    return make_rules(
        bare_cr_lf=list(BareCrLf)[bits % 3],
        max_message_size=100 if bits & 4 else 10_000,
        max_header_lines=2 if bits & 8 else 0,
        max_bad_commands=3 if bits & 16 else 1000,
        offers_starttls=bool(bits & 32),
        requires_tls=bool(bits & 64),
        offers_auth=bool(bits & 128),
        requires_tls_for_auth=bool(bits & 256),
        enhanced_status_codes=bool(bits & 512),
        offers_xclient=bool(bits & 1024),
    )


def outcome(rules: ConversationRules, reads: list[bytes]) -> tuple[object, ...]:
    """Return all that a client or the listener can see of the conversation."""
    caller = Caller(rules)
    caller.say(*reads)
    ends = [(event.size, event.fault) for event in caller.events if isinstance(event, EndOfContent)]
    conversation = caller.conversation
    return caller.sent, caller.messages, ends, conversation.state, conversation.has_injection


def test_one_input(data: bytes) -> None:
    """Two bytes choose the rules, one the opening, the next ones the cuts; the rest is said."""
    provider = atheris.FuzzedDataProvider(data)
    rules = rules_of(provider.ConsumeIntInRange(0, 2047))
    opening = (b"", OPENING, OPENING + b"DATA\r\n", OPENING + b"BDAT 9\r\n")
    start = opening[provider.ConsumeIntInRange(0, 3)]
    cuts = provider.ConsumeIntListInRange(CUTS_MAX, 0, 200)
    wire = start + provider.ConsumeBytes(10_000)
    reads, at = [], 0
    for size in cuts:
        reads.append(wire[at : at + size])
        at += size
    reads.append(wire[at:])
    assert outcome(rules, reads) == outcome(rules, [wire])


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
