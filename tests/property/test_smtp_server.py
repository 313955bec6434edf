"""However the bytes are cut, the conversation is the same; and no bytes raise."""

import base64
import itertools
import re
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.mail.address import AddressRules, ParserMode
from mailwarden.core.smtp.content import BareCrLf, clean_line_ends, has_bare_line_end
from mailwarden.core.smtp.events import Content, EndOfContent
from mailwarden.core.smtp.limits import REPLY_LINE_BYTES_MAX
from mailwarden.core.smtp.received import LineFault, Received
from mailwarden.core.smtp.rules import ConversationRules
from tests.unit.core.smtp.caller import HANDSHAKE, Caller, Handshake, make_rules, transfer

Part = bytes | Handshake

LINES = [
    b"EHLO x", b"ehlo mail.example", b"HELO", b"EHLO", b"MAIL FROM:<a@b.example>", b"MAIL FROM:<>",
    b"MAIL FROM: x (y) <c@d.example> SIZE=10 BODY=8BITMIME", b"MAIL FROM:<a@b.example> SIZE=999999",
    b"MAIL FROM:<a@b.example> RET=HDRS ENVID=x+2By REQUIRETLS", b"MAIL",
    b"MAIL FROM:<\xff@b.example>",
    b"RCPT TO:<c@d.example>", b"RCPT TO:<e@f.example> NOTIFY=NEVER ORCPT=rfc822;a", b"RCPT TO:<>",
    b"RCPT TO:<joe%x@y.example>", b"DATA", b"DATA x", b"RSET", b"NOOP", b"VRFY x",
    b"EXPN x", b"HELP",
    b"QUIT", b"FOO bar", b"", b".", b"AUTH", b"AUTH PLAIN", b"AUTH LOGIN YW5u", b"c2VjcmV0", b"*",
    b"AUTH PLAIN " + base64.b64encode(b"\0ann\0secret"), b"BDAT", b"BDAT x", b"STARTTLS",
    b"XCLIENT ADDR=192.0.2.25 LOGIN=ann", b"XCLIENT FOO=x", b"N" * 1300,
    b"AUTH PLAIN " + b"A" * 2000,
]  # fmt: skip
SCRAPS = [
    b"\r", b"\n", b"\r\n", b".", b"\r\n.\r\n", b"\r\n.", b"\n.\n", b"..", b"a", b"A: b\r\n", b"\0",
    b"\xc3\xa4", b" ", b"\t",
]  # fmt: skip
OPENING = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"


def stuff(content: bytes) -> bytes:
    """Return `content` as DATA sends it (RFC 5321, 4.5.2)."""
    return re.sub(rb"(\A|(?<=\r\n))\.", b"..", content) + b".\r\n"


def bdat(content: bytes, is_last: bool) -> bytes:
    return b"BDAT %d%s\r\n%s" % (len(content), b" LAST" if is_last else b"", content)


scraps = st.lists(st.sampled_from(SCRAPS), max_size=20).map(b"".join)
contents = st.one_of(scraps, scraps.map(clean_line_ends), st.binary(max_size=50))
parts = st.one_of(
    st.sampled_from(LINES).map(lambda line: line + b"\r\n"),
    st.sampled_from(LINES).map(lambda line: line + b"\r\n"),
    st.just(OPENING),
    contents.map(lambda content: OPENING + b"DATA\r\n" + stuff(content + b"\r\n")),
    contents.map(lambda content: b"DATA\r\n" + content + b"\r\n.\r\n"),
    st.builds(bdat, contents, st.booleans()),
    contents.map(lambda content: OPENING + bdat(content[:5], False) + bdat(content[5:], True)),
    st.sampled_from([HANDSHAKE, b"EHLO x\r\nSTARTTLS\r\n"]),
    contents,
)
dialogues = st.lists(parts, max_size=12)
rules = st.builds(
    make_rules,
    bare_cr_lf=st.sampled_from(BareCrLf),
    address_rules=st.builds(AddressRules, mode=st.sampled_from(ParserMode)),
    max_message_size=st.sampled_from([10, 40, 100_000]),
    max_header_lines=st.sampled_from([0, 1, 1000]),
    max_header_size=st.sampled_from([8, 100_000]),
    max_rcpts_per_msg=st.sampled_from([1, 50]),
    max_bad_commands=st.sampled_from([2, 1000]),
    offers_starttls=st.booleans(),
    requires_tls=st.booleans(),
    offers_auth=st.booleans(),
    requires_auth=st.booleans(),
    requires_tls_for_auth=st.booleans(),
    offers_xclient=st.booleans(),
    enhanced_status_codes=st.booleans(),
)


class Outcome(NamedTuple):
    """All that a client or the listener can see of a conversation."""

    sent: bytes
    messages: list[bytes]
    dotted: list[bool]
    events: list[str]
    is_closed: bool
    has_injection: bool


def hold(dialogue: list[Part], rules_: ConversationRules) -> Outcome:
    caller = Caller(rules_)
    caller.say(*dialogue)
    for event in caller.events:
        if isinstance(event, EndOfContent):
            event.data = b""  # the last piece depends on the cuts
            event.dotted &= event.fault is None  # else there is no content
    events = [repr(event) for event in caller.events if not isinstance(event, Content)]
    conversation = caller.conversation
    return Outcome(
        caller.sent, caller.messages, caller.dotted, events, conversation.is_closed,
        conversation.has_injection,
    )  # fmt: skip


def joined(dialogue: list[Part]) -> list[Part]:
    """Return `dialogue` with neighbouring bytes as one part."""
    result: list[Part] = []
    for part in dialogue:
        if isinstance(part, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += part
        else:
            result.append(part)
    return result


def cut(part: Part, at: list[int]) -> list[Part]:
    """Return `part` in pieces, cut at the fractions `at` of its length (in thousandths)."""
    if isinstance(part, Handshake):
        return [part]
    ends = sorted({len(part) * thousandth // 1000 for thousandth in at})
    return [part[a:b] for a, b in zip([0, *ends], [*ends, len(part)], strict=True)]


@given(dialogues, rules, st.lists(st.integers(0, 1000), max_size=10))
def test_cuts_never_matter(dialogue: list[Part], rules_: ConversationRules, at: list[int]) -> None:
    whole = joined(dialogue)
    expected = hold(whole, rules_)
    assert hold(dialogue, rules_) == expected
    assert hold([piece for part in whole for piece in cut(part, at)], rules_) == expected


@given(dialogues, rules)
def test_single_bytes_are_the_same(dialogue: list[Part], rules_: ConversationRules) -> None:
    whole = joined([part for part in dialogue if len(repr(part)) < 500])
    singles: list[Part] = []
    for part in whole:
        is_bytes = isinstance(part, bytes)
        singles += [bytes([byte]) for byte in part] if is_bytes else [part]  # type: ignore[union-attr]
    assert hold(singles, rules_) == hold(whole, rules_)


@given(dialogues, rules)
def test_every_answer_is_whole_lines(dialogue: list[Part], rules_: ConversationRules) -> None:
    sent = hold(dialogue, rules_).sent
    assert sent.endswith(b"\r\n")
    assert not has_bare_line_end(sent)
    for line in sent.split(b"\r\n")[:-1]:
        assert re.match(rb"[2345][0-9][0-9][ -]", line)
        assert len(line) + 2 <= REPLY_LINE_BYTES_MAX
        assert not re.search(rb"[\x00-\x1f\x7f]", line)


@given(st.lists(st.binary(max_size=300), max_size=5), rules)
def test_any_bytes(reads: list[bytes], rules_: ConversationRules) -> None:
    caller = Caller(rules_)
    caller.say(*reads)
    assert caller.sent.startswith(b"220 ")
    assert caller.conversation.buffered <= sum(map(len, reads))


def read_plainly(wire: bytes) -> bytes | None:
    """Return the content of `wire`, line by line: a second, simple reading of RFC 5321, 4.5.2."""
    lines = []
    for line in wire.split(b"\r\n")[:-1]:
        if line == b".":
            return b"".join(line + b"\r\n" for line in lines)
        lines.append(line.removeprefix(b"."))
    return None


def first_message(wire: bytes, cuts: list[int], bare: BareCrLf) -> bytes | None:
    """Return what came of `wire` behind DATA: content, b"" if refused, None if not ended."""
    caller = Caller(make_rules(bare_cr_lf=bare, max_bad_commands=10**6))
    ends = [0, *cuts, len(wire)]
    caller.say(OPENING + b"DATA\r\n", *(wire[a:b] for a, b in itertools.pairwise(ends)))
    if not any(isinstance(event, EndOfContent) for event in caller.events):
        return None
    return caller.messages[0] if caller.messages else b""


@given(scraps, st.lists(st.integers(0, 1000), max_size=5))
def test_content_is_what_a_simple_reader_finds(wire: bytes, at: list[int]) -> None:
    cuts = sorted(len(wire) * thousandth // 1000 for thousandth in at)
    expected = read_plainly(wire)
    allowed = first_message(wire, cuts, BareCrLf.ALLOW)
    assert allowed == expected
    if expected is not None:
        plain = re.sub(rb"\r\n|\r|\n", b"\r\n", expected)
        assert first_message(wire, cuts, BareCrLf.CLEAN) == plain
        assert first_message(wire, cuts, BareCrLf.REJECT) == (
            expected if plain == expected else b""
        )


@given(contents.map(clean_line_ends), st.lists(st.integers(0, 1000), max_size=5))
def test_stuffed_content_comes_back(content: bytes, at: list[int]) -> None:
    content = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    wire = stuff(content)
    cuts = sorted(len(wire) * thousandth // 1000 for thousandth in at)
    for bare in BareCrLf:
        assert transfer(wire, *cuts, bare_cr_lf=bare)[1] == content


@given(st.one_of(scraps, st.binary(max_size=100)))
def test_bare_line_ends(data: bytes) -> None:
    assert has_bare_line_end(data) is bool(re.search(rb"\r(?!\n)|(?<!\r)\n", data))
    assert clean_line_ends(data) == re.sub(rb"\r\n|\r|\n", b"\r\n", data)


@given(st.lists(scraps, max_size=6), st.integers(3, 60))
def test_lines_are_bounded_and_whole(reads: list[bytes], bytes_max: int) -> None:
    received = Received()
    for read in reads:
        received.add(read)
        received.join()
        while (line := received.next_line(bytes_max)) is not None:
            assert isinstance(line, LineFault) or not re.search(r"[\r\n\0]", line)
        assert len(received) < bytes_max
