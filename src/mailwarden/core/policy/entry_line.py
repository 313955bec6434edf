r"""Lines of the form `user@dom.example ACTION options (554 "Text")`, as two tables have them.

Options and the reply follow the action in any order. A reply of several lines has as many texts
in quotes: `(554 "Gone." "Ask the office.")`. Inside quotes, `\"` is a quote and `\\` a backslash.
"""

import re
from typing import Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.policy.address_forms import build_form
from mailwarden.core.policy.table_lines import LINE_LENGTH_MAX, QUOTED, WORD
from mailwarden.core.smtp.limits import REPLY_LINE_BYTES_MAX
from mailwarden.core.smtp.reply import Reply

REPLY_LINES_MAX: Final = 10
REPLY_TEXT_LENGTH_MAX: Final = REPLY_LINE_BYTES_MAX - len("554 \r\n")
OPTIONS_MAX: Final = 20
_FORM_COLUMNS: Final = 27  # as wide as in the manual's example

# Possessive throughout, so that a match takes linear time.
_START: Final = re.compile(rf"{WORD}[ \t]++([A-Za-z]++)(?![^\s(])")
_OPTION: Final = re.compile(r"[ \t]*+([A-Za-z][A-Za-z0-9_]*+)(?![^\s(])")
_REPLY: Final = re.compile(rf"[ \t]*+\([ \t]*+([0-9]++)((?:[ \t]*+{QUOTED})++)[ \t]*+\)")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_CODE: Final = re.compile(r"[245][0-5][0-9]")  # RFC 5321, 4.2


class EntryLine(NamedTuple):
    """What stands in a line, not yet compared with what a table knows."""

    form: str
    action: str  # in capitals
    options: tuple[str, ...] = ()  # in lower case
    reply: Reply | None = None


def parse_entry_line(text: str) -> EntryLine:
    """Return the parts of `text`, which has no blanks around it.

    Raises:
        ValueError: it has not this form; the message says what would be right.
    """
    if len(text) > LINE_LENGTH_MAX:
        raise ValueError(f"is longer than {LINE_LENGTH_MAX} letters")
    match = _START.match(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is no entry; behind an address stands an action")
    form, action = match.groups()
    end = match.end()
    if end == len(text):
        return EntryLine(form, action.upper())
    options, reply = _parse_rest(text, end)
    return EntryLine(form, action.upper(), options, reply)


def build_entry_line(line: EntryLine) -> str:
    """Return `line` as text, without a line end."""
    words = [f"{build_form(line.form):<{_FORM_COLUMNS}} {line.action}", *line.options]
    if line.reply is not None:
        texts = " ".join(map(_quote, line.reply.lines))
        words.append(f"({line.reply.code} {texts})")
    return " ".join(words)


def check_reply(reply: Reply, *, is_acceptance: bool) -> Reply:
    """Return `reply` if it may answer MAIL or RCPT with that meaning.

    Raises:
        ValueError: it may not; the message says what would be right.
    """
    if is_acceptance != (200 <= reply.code < 300):
        right = "begins with 2" if is_acceptance else "begins with 4 or 5"
        raise ValueError(f"{reply.code} is the wrong code here: it has to be one that {right}")
    if not _CODE.fullmatch(str(reply.code)):
        raise ValueError(f"{reply.code} is no code of SMTP; 250, 450 and 550 are")
    if reply.code == 421:  # RFC 5321, 3.8: it announces that the connection is closed
        raise ValueError("421 would have to close the connection; take 450")
    if len(reply.lines) > REPLY_LINES_MAX:
        raise ValueError(f"a reply has at most {REPLY_LINES_MAX} lines")
    for line in reply.lines:
        if not (line and line.isascii() and line.isprintable()):  # RFC 5321, 4.2: textstring
            raise ValueError(f"{_shown(line)} has to be plain ASCII text")
        if len(line) > REPLY_TEXT_LENGTH_MAX:
            raise ValueError(f"a line of a reply has at most {REPLY_TEXT_LENGTH_MAX} letters")
    return reply


def _parse_rest(text: str, at: int) -> tuple[tuple[str, ...], Reply | None]:
    options: list[str] = []
    reply: Reply | None = None
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is not None:
            options.append(match[1].lower())
        else:
            match = _REPLY.match(text, at)
            if match is None:
                raise ValueError(
                    f"{_shown(text[at:].strip())} is neither an option nor a reply; a reply has "
                    'the form (554 "Text")'
                )
            if reply is not None:
                raise ValueError("there is more than one reply")
            reply = _parse_reply(match[1], match[2])
        at = match.end()
    if len(options) > OPTIONS_MAX:
        raise ValueError(f"there are more than {OPTIONS_MAX} options")
    return tuple(options), reply


def _parse_reply(code: str, texts: str) -> Reply:
    if not _CODE.fullmatch(code):
        raise ValueError(f"{_shown(code)} is no code of SMTP; 250, 450 and 550 are")
    return Reply(int(code), *[_ESCAPED.sub(r"\1", found) for found in _TEXT.findall(texts)])


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])
