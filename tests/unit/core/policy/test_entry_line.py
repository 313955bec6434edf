"""Lines of the form `user@dom.example ACTION options (554 "Text")`."""

import pytest

from mailwarden.core.policy.entry_line import (
    OPTIONS_MAX,
    REPLY_LINES_MAX,
    REPLY_TEXT_LENGTH_MAX,
    EntryLine,
    build_entry_line,
    check_reply,
    parse_entry_line,
)
from mailwarden.core.policy.table_lines import LINE_LENGTH_MAX
from mailwarden.core.smtp.reply import Reply

GONE = Reply(554, "Gone")
LINES = [
    ("a@b ACCEPT", EntryLine("a@b", "ACCEPT")),
    ("a@b\t accept", EntryLine("a@b", "ACCEPT")),
    ("a@b ACCEPT one TWO", EntryLine("a@b", "ACCEPT", ("one", "two"))),
    ('a@b REJECT (554 "Gone")', EntryLine("a@b", "REJECT", (), GONE)),
    ('a@b REJECT(554"Gone")one', EntryLine("a@b", "REJECT", ("one",), GONE)),
    ('a@b REJECT one ( 554  "Gone" ) two', EntryLine("a@b", "REJECT", ("one", "two"), GONE)),
    ('a@b REJECT (554 "a" "b")', EntryLine("a@b", "REJECT", (), Reply(554, "a", "b"))),
    (r'a@b R (554 "say \"no\" \\ (x)")', EntryLine("a@b", "R", (), Reply(554, r'say "no" \ (x)'))),
    ('"a b"@c ACCEPT', EntryLine('"a b"@c', "ACCEPT")),
    (r'"a \" b"@c ACCEPT', EntryLine(r'"a \" b"@c', "ACCEPT")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), LINES)
def test_lines(text: str, line: EntryLine) -> None:
    assert parse_entry_line(text) == line
    assert parse_entry_line(build_entry_line(line)) == line


WRONG = [
    "", "a@b", "a@b 554", "a@b ACCEPT-", 'a"b ACCEPT', '"a b@c ACCEPT', "a@b ACCEPT 554",
    "a@b ACCEPT (554)", "a@b ACCEPT (554 Gone)", 'a@b ACCEPT (554 "Gone"', 'a@b ACCEPT ("Gone")',
    'a@b ACCEPT (354 "Gone")', 'a@b ACCEPT (999 "Gone")', 'a@b ACCEPT (55 "x")',
    'a@b ACCEPT (5544 "x")', 'a@b ACCEPT (٥٥٤ "x")', 'a@b ACCEPT (554 "a") (554 "b")',
    'a@b ACCEPT (554 "a\\")', "a@b ACCEPT one,two", "a@b ACCEPT one=two", "a@b ACCEPT # comment",
    f"a@b ACCEPT {'x ' * (OPTIONS_MAX + 1)}".strip(), f"a@b ACCEPT {'x' * LINE_LENGTH_MAX}",
    "a@b\x0bACCEPT", "a@b ACCEPT\x0bone",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_entry_line(text)
    assert len(str(caught.value)) < 300


def test_columns_of_the_manual() -> None:
    assert build_entry_line(EntryLine("a@b", "ACCEPT")) == "a@b                         ACCEPT"
    long = f"{'a' * 40}@b"
    assert build_entry_line(EntryLine(long, "ACCEPT", ("one",))) == f"{long} ACCEPT one"


RIGHT_REPLIES = [
    (Reply(250, "fine"), True), (Reply(251, "fine", "too"), True), (Reply(450, "x"), False),
    (Reply(550, "x" * REPLY_TEXT_LENGTH_MAX), False), (Reply(550, *["x"] * REPLY_LINES_MAX), False),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "is_acceptance"), RIGHT_REPLIES)
def test_replies_that_fit(reply: Reply, is_acceptance: bool) -> None:
    assert check_reply(reply, is_acceptance=is_acceptance) is reply
    assert max(map(len, reply.encode().split(b"\r\n"))) <= 510


WRONG_REPLIES = [
    (Reply(550, "x"), True, "begins with 2"), (Reply(250, "x"), False, "begins with 4 or 5"),
    (Reply(354, "x"), True, "begins with 2"), (Reply(354, "x"), False, "no code"),
    (Reply(299, "x"), True, "no code"), (Reply(599, "x"), False, "no code"),
    (Reply(421, "x"), False, "421"), (Reply(550, "é"), False, "ASCII"),
    (Reply(550, "a\r\n250 b"), False, "ASCII"), (Reply(550, ""), False, "ASCII"),
    (Reply(550, "x" * (REPLY_TEXT_LENGTH_MAX + 1)), False, "letters"),
    (Reply(550, *["x"] * (REPLY_LINES_MAX + 1)), False, "lines"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "is_acceptance", "words"), WRONG_REPLIES)
def test_replies_that_do_not_fit(reply: Reply, is_acceptance: bool, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_reply(reply, is_acceptance=is_acceptance)
