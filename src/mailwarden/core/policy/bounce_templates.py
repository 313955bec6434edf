"""What reports say to people: templates by language, with variables filled in (mailflow 7.5).

The variables are those of the manual's notification templates (filters 4 and 6.3). Whatever comes
from a peer or a message is made a bounded part of one line before it is filled in, and never
looked through for variables again, so that nobody can add lines, fields or variables.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.mail.date import build_date, build_received_date
from mailwarden.core.mail.dsn import Action, DeliveryReport
from mailwarden.core.mail.dsn_field import SUBJECT_CHARACTERS_MAX, one_line
from mailwarden.core.policy.bounce_texts import WORDS, Words
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, setting

TEMPLATE_LENGTH_MAX: Final = 16 * 1024
TEXT_LENGTH_MAX: Final = 64 * 1024  # of what comes out; the rest is cut
LINE_LENGTH_MAX: Final = 240  # letters; at most four bytes each, so less than 998 (RFC 5322, 2.1.1)
LANGUAGES_MAX: Final = 50  # of a template
RECIPIENTS_SHOWN_MAX: Final = 100
WANTED_MAX: Final = 10  # languages that a message may name

_VARIABLE: Final = re.compile(r"\$([A-Za-z][A-Za-z_]{0,63})")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_LANGUAGE: Final = re.compile(r"[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,4}\Z")  # RFC 5646, 2.1, in short
# What people call them, and how they are written here.
_ALIASES: Final = {
    "pt": "pt-br",
    "zh": "zh-hans",
    "zh-cn": "zh-hans",
    "zh-sg": "zh-hans",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
}

# The names as the manual writes them, each without case and underscores, and what it stands for.
VARIABLES: Final[Mapping[str, str]] = {
    "Subject": "subject of the message",
    "Date": "today, MM/DD/YYYY, in the local zone",
    "Time": "now, hh:mm:ss, in the local zone",
    "GMTimeStamp": "date and time as in Received fields, GMT",
    "MID": "number of the message in the logs",
    "BouncedRecipient": "recipients that the report is about",
    "BounceReason": "reason, with the answer of the remote host",
    "remotehost": "name or address of the remote host",
    "EnvelopeFrom": "envelope sender of the message",
    "Hostname": "name of this gateway",
    "Attempts": "attempts made before the last one",
    "RetryUntil": "until when delivery will be tried; empty in bounces",
}
_SAME: Final = {
    "gmttimestamp": "gmtimestamp",
    "gmtimestamp": "gmtimestamp",
    "envelopesender": "envelopefrom",
}
_KNOWN: Final = {name.lower(): name.lower() for name in VARIABLES} | _SAME


class Kind(Enum):
    """What a template is for."""

    FAILED = "failed"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Wording:
    """Subject and text of a report; lines of the text end with LF in a template, else CRLF."""

    subject: str = setting(
        REQUIRED,
        "Subject, with variables such as $BouncedRecipient; a profile's own comes before it.",
        examples=("Your message to $BouncedRecipient",),
    )
    text: str = setting(
        REQUIRED,
        "What people read, with variables such as $BounceReason.",
        examples=("We could not deliver it: $BounceReason",),
        has_lines=True,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with a template. Unknown variables are not: they stay as written."""
        if not self.subject.strip() or "\n" in self.subject:
            yield Problem("subject", "takes one line that is not empty")
        if len(self.subject) > SUBJECT_CHARACTERS_MAX:
            yield Problem("subject", f"is longer than {SUBJECT_CHARACTERS_MAX} letters")
        if not self.text.strip():
            yield Problem("text", "is empty")
        if len(self.text) > TEMPLATE_LENGTH_MAX:
            yield Problem("text", f"is longer than {TEMPLATE_LENGTH_MAX} letters")
        for name, text in (("subject", self.subject), ("text", self.text)):
            if _CONTROL.search(text.replace("\r\n", "\n")):
                yield Problem(name, "has control characters")


@dataclass(frozen=True, slots=True)
class BounceTemplate:
    """A template in all its languages, the first of which is for everybody else."""

    languages: tuple[tuple[str, Wording], ...]  # by tag in lower case: `de`, `pt-br`

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong; paths begin with the language."""
        if not 1 <= len(self.languages) <= LANGUAGES_MAX:
            yield Problem("", f"takes from 1 to {LANGUAGES_MAX} languages")
        seen: set[str] = set()
        for tag, wording in self.languages:
            if not is_language(tag):
                yield Problem(tag, "is not the tag of a language, such as de or pt-br")
            if tag in seen:
                yield Problem(tag, "is there twice")
            seen.add(tag)
            for problem in wording.problems():
                yield problem.under(tag)

    def choose(self, wanted: Sequence[str]) -> Wording:
        """Return the wording in the first of the wanted languages that there is."""
        return self.languages[choose_language([tag for tag, _ in self.languages], wanted)][1]


def choose_language(available: Sequence[str], wanted: Sequence[str]) -> int:
    """Return the index of the best of the available languages; 0 if none is wanted.

    `de-AT` is content with `de`, and `de` with `de-at` (RFC 4647, 3.4, and what people expect).
    """
    tags = [_plain(tag) for tag in available]
    for language in wanted[:WANTED_MAX]:
        tag = _plain(language)
        while tag:
            if tag in tags:
                return tags.index(tag)
            near = [index for index, other in enumerate(tags) if other.startswith(f"{tag}-")]
            if near:
                return near[0]
            tag = tag.rpartition("-")[0]
    return 0


def parse_languages(value: str) -> tuple[str, ...]:
    """Return the tags in a Content-Language field (RFC 3282), as many as are looked at."""
    tags = (part.partition("(")[0].strip().lower() for part in value[:1000].split(","))
    return tuple(tag for tag in tags if is_language(tag))[:WANTED_MAX]


def is_language(tag: str) -> bool:
    """Whether `tag` can be that of a language, in lower case: `de`, `pt-br`."""
    return _LANGUAGE.match(tag) is not None


def unknown_variables(text: str) -> list[str]:
    """Return what looks like a variable and is none, once each and as written, for a warning."""
    found = (match for match in _VARIABLE.finditer(text) if not _longest(match[1]))
    return list(dict.fromkeys(match[0] for match in found))


def report_values(
    report: DeliveryReport,
    *,
    mid: int,
    subject: str,
    sender: str,
    offset_minutes: int = 0,
) -> dict[str, str]:
    """Return what the variables stand for in a report, by name in lower case.

    `subject` and `sender` are those of the message that the report is about, the subject decoded;
    `offset_minutes` is how far the local zone is east of UTC.
    """
    _, day, month, year, clock, _ = build_date(report.now, offset_minutes).split(" ")
    until = report.retry_until if report.action is Action.DELAYED else 0.0
    return {
        "subject": one_line(subject),
        "date": f"{_MONTHS[month]}/{day}/{year}",
        "time": clock,
        "gmtimestamp": build_received_date(report.now),
        "mid": str(mid),
        "bouncedrecipient": _recipients(report),
        "bouncereason": f"{one_line(report.reason)} {one_line(report.response)}".strip(),
        "remotehost": one_line(report.remote),
        "envelopefrom": one_line(sender),
        "hostname": one_line(report.hostname),
        "attempts": str(report.attempts),
        "retryuntil": build_date(until) if until else "",
    }


def expand(template: Wording, values: Mapping[str, str]) -> Wording:
    """Return subject and text with the variables filled in, fit for `DeliveryReport`.

    The text has lines of LINE_LENGTH_MAX letters at most, ending with CRLF; the subject is one
    line. Names are compared without case and underscores, and the longest known one is taken;
    others stay as they are.
    """
    subject = one_line(_fill(template.subject, values, SUBJECT_CHARACTERS_MAX))
    text = _CONTROL.sub("?", _fill(template.text.replace("\r\n", "\n"), values, TEXT_LENGTH_MAX))
    lines = text.rstrip("\n").split("\n")
    return Wording(subject, "".join(f"{part}\r\n" for line in lines for part in _wrap(line)))


def word_report(
    report: DeliveryReport,
    template: BounceTemplate | None,
    *,
    subject: str,
    languages: Sequence[str],
    values: Mapping[str, str],
) -> Wording:
    """Return what a report about a failure or a delay says.

    `template` None is the built-in one; `subject` is that of the bounce profile, "" is that of
    the template, and may have variables too; `languages` are wanted in this order.
    """
    if template is None:
        kind = Kind.DELAYED if report.action is Action.DELAYED else Kind.FAILED
        template = BUILT_IN[kind]
    wording = template.choose(languages)
    return expand(Wording(subject, wording.text) if subject else wording, values)


def _fill(text: str, values: Mapping[str, str], length_max: int) -> str:
    """Return `text` with variables filled in, cut at `length_max` letters."""
    pieces: list[str] = []
    length = at = 0
    for match in _VARIABLE.finditer(text):
        size = _longest(match[1])
        if not size:
            continue
        name = _KNOWN[match[1][:size].replace("_", "").lower()]
        piece = text[at : match.start()] + values.get(name, "")
        pieces.append(piece)
        at = match.start(1) + size
        length += len(piece)
        if length > length_max:
            break
    pieces.append(text[at : at + length_max])
    return "".join(pieces)[:length_max]


def _longest(word: str) -> int:
    """Return how many letters of `word` are a known name; 0 if it begins with none."""
    for size in range(len(word), 0, -1):
        if word[size - 1] != "_" and word[:size].replace("_", "").lower() in _KNOWN:
            return size
    return 0


def _wrap(line: str) -> Iterable[str]:
    """Return a line in parts that are short enough, cut at blanks where there are any."""
    parts: list[str] = []
    while len(line) > LINE_LENGTH_MAX:
        blank = line.rfind(" ", 1, LINE_LENGTH_MAX + 1)
        cut = blank if blank > 0 else LINE_LENGTH_MAX
        parts.append(line[:cut])
        line = line[cut + 1 :] if blank > 0 else line[cut:]
    parts.append(line)
    return parts


def _recipients(report: DeliveryReport) -> str:
    named = report.recipients[:RECIPIENTS_SHOWN_MAX]
    text = ",\n".join(f"<{one_line(recipient.address)}>" for recipient in named)
    more = len(report.recipients) - len(named)
    return f"{text},\n... (+{more})" if more else text


def _plain(tag: str) -> str:
    lowered = tag.lower().replace("_", "-")
    return _ALIASES.get(lowered, lowered)


def _built_in(kind: Kind, words: Words) -> Wording:
    reason = f"{words.reason}\n$BounceReason\n"
    match kind:
        case Kind.FAILED:
            return Wording(words.failure_subject, f"{words.failure}\n{reason}")
        case Kind.DELAYED:
            return Wording(words.delay_subject, f"{words.delay}\n{reason}\n{words.promise}\n")


_MONTH_NAMES: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_MONTHS: Final = {_MONTH_NAMES[at : at + 3]: f"{at // 4 + 1:02}" for at in range(0, 48, 4)}

BUILT_IN: Final = {
    kind: BounceTemplate(tuple((tag, _built_in(kind, words)) for tag, words in WORDS.items()))
    for kind in Kind
}
