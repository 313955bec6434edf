"""What of alerts survives a restart: one JSON file, which is replaced whole.

Times that count from a start are written as seconds ago or seconds to come, together with the time
of the writing, and so they go on after it. The clock may have been set meanwhile: whatever it says,
between writing and reading have passed 0 seconds to a week.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from mailwarden.core.patterns import parse_mailbox
from mailwarden.services.alerts.alert import clean_line, clean_text, make_alert
from mailwarden.services.alerts.finder import ENDPOINTS_MAX, STALE_SECONDS_MAX, Endpoint, Kept
from mailwarden.services.alerts.message import Mail
from mailwarden.services.alerts.outbox import LIFE_SECONDS, RETRY_SECONDS_MAX, Letter
from mailwarden.services.alerts.recent import RecentAlert
from mailwarden.services.alerts.repeats import Notice, Watched
from mailwarden.services.alerts.settings import RECIPIENTS_MAX, WAIT_SECONDS_MAX
from mailwarden.services.alerts.wire import build_packet
from mailwarden.system.files.files import Files
from mailwarden.system.files.whole_file import replace_file

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
AWAY_SECONDS_MAX: Final = 7 * 86_400.0
TIME_MAX: Final = 1e11  # epoch seconds; beyond it is nonsense
REPEATS_MAX: Final = 10**12
MAIL_TEXT_MAX: Final = 64 * 1024
SUBJECT_MAX: Final = 1000
ROUTE_MAX: Final = 32 * 1024


class StateError(ValueError):
    """The file is damaged, or none of ours; the message says how."""


@dataclass(slots=True)
class SavedState:
    """Everything that goes on after a restart. Times as in its parts; `report_at` epoch seconds."""

    watched: Sequence[Watched] = ()
    letters: Sequence[Letter] = ()
    recent: Sequence[RecentAlert] = ()  # the oldest first
    kept: Mapping[str, Kept] = field(default_factory=dict)
    report_at: float = 0.0  # when the last weekly report was written; 0 is never


class _Recent(msgspec.Struct):
    alert: dict[str, str]
    first: float
    last: float
    repeats: int


class _Watched(msgspec.Struct):
    alert: dict[str, str]
    repeats: int
    first: float
    last: float
    mixed: bool
    origin: float  # seconds ago
    offset: float
    heard: float  # seconds ago


class _Letter(msgspec.Struct):
    address: str
    due: float  # seconds to come
    expires: float  # the same
    attempts: int


class _Mail(msgspec.Struct):
    id: str
    severity: str
    subject: str
    text: str
    to: list[str]
    written: float
    waiting: list[_Letter]


class _Kept(msgspec.Struct):
    route: str
    endpoints: list[tuple[str, int]]
    asked: float  # seconds ago


class _State(msgspec.Struct):
    saved: float
    report: float
    watched: list[_Watched]
    mails: list[_Mail]
    recent: list[_Recent]
    kept: dict[str, _Kept]


def save_state(files: Files, path: str, data: bytes) -> None:
    """Put `data` in the place of the file, durably.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    files.close(replace_file(files, path, [data]))


def load_bytes(files: Files, path: str) -> bytes | None:
    """Return what the file holds; None if there is none.

    Raises:
        OSError: it cannot be read.
        StateError: it is far too large.
    """
    try:
        fd = files.open(path)
    except FileNotFoundError:
        return None
    try:
        size = files.size(path)
        if size > FILE_BYTES_MAX:
            raise StateError(f"it has {size} bytes")
        return files.pread(fd, size, 0)
    finally:
        files.close(fd)


def encode_state(state: SavedState, now: float, time: float) -> bytes:
    """Return the file's content; `now` is monotonic seconds, `time` epoch seconds."""
    mails: dict[int, _Mail] = {}
    for letter in state.letters:
        mail = letter.mail
        entry = mails.setdefault(id(mail), _mail(mail))
        entry.waiting.append(
            _Letter(letter.address, letter.due - now, letter.expires - now, letter.attempts)
        )
    return msgspec.json.encode(
        _State(
            time,
            state.report_at,
            [_watched(watched, now) for watched in state.watched],
            list(mails.values()),
            [_recent(recent) for recent in state.recent],
            {
                domain: _Kept(
                    kept.route, [(e.address, e.port) for e in kept.endpoints], now - kept.asked_at
                )
                for domain, kept in state.kept.items()
            },
        )
    )


def decode_state(data: bytes, now: float, time: float) -> SavedState:
    """Return what was saved; numbers that make no sense are bounded, addresses are left out.

    Raises:
        StateError: it is no such file.
    """
    try:
        state = msgspec.json.decode(data, type=_State)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(str(error)) from error
    away = _within(time - state.saved, AWAY_SECONDS_MAX)
    return SavedState(
        [_read_watched(watched, now, away) for watched in state.watched],
        [letter for mail in state.mails for letter in _read_mail(mail, now, away)],
        [_read_recent(recent) for recent in state.recent],
        {
            domain: Kept(
                kept.route[:ROUTE_MAX],
                _read_endpoints(kept.endpoints),
                now - away - _within(kept.asked, STALE_SECONDS_MAX),
            )
            for domain, kept in state.kept.items()
            if _read_endpoints(kept.endpoints)
        },
        _within(state.report, TIME_MAX),
    )


def _recent(recent: RecentAlert) -> _Recent:
    return _Recent(build_packet(recent.alert), recent.first_at, recent.last_at, recent.repeats)


def _read_recent(recent: _Recent) -> RecentAlert:
    return RecentAlert(
        make_alert(*_words(recent.alert)),
        _within(recent.first, TIME_MAX),
        _within(recent.last, TIME_MAX),
        int(_within(recent.repeats, REPEATS_MAX)),
    )


def _watched(watched: Watched, now: float) -> _Watched:
    notice = watched.notice
    return _Watched(
        build_packet(notice.alert),
        notice.repeats,
        notice.first_at,
        notice.last_at,
        notice.is_mixed,
        now - watched.origin,
        watched.offset,
        now - watched.heard,
    )


def _read_watched(watched: _Watched, now: float, away: float) -> Watched:
    notice = Notice(
        make_alert(*_words(watched.alert)),
        int(_within(watched.repeats, REPEATS_MAX)),
        _within(watched.first, TIME_MAX),
        _within(watched.last, TIME_MAX),
        watched.mixed,
    )
    # Times that are no multiples of the longest wait are at most twice that, and a first wait.
    offset = _within(watched.offset, TIME_MAX)
    origin = now - away - _within(watched.origin, TIME_MAX)
    origin = min(origin, now)
    if origin + offset > now + 3 * WAIT_SECONDS_MAX:
        offset = now + 3 * WAIT_SECONDS_MAX - origin
    return Watched(notice, origin, offset, now - away - _within(watched.heard, TIME_MAX))


def _mail(mail: Mail) -> _Mail:
    return _Mail(
        mail.message_id, mail.severity.value, mail.subject, mail.text, list(mail.to),
        mail.written_at, [],
    )  # fmt: skip


def _read_mail(saved: _Mail, now: float, away: float) -> list[Letter]:
    mail = Mail(
        clean_line(saved.id, SUBJECT_MAX),
        make_alert(saved.severity, "", "").severity,
        clean_line(saved.subject, SUBJECT_MAX),
        clean_text(saved.text, MAIL_TEXT_MAX, lines_max=MAIL_TEXT_MAX),
        tuple(filter(_is_address, saved.to[: RECIPIENTS_MAX + 1])),
        _within(saved.written, TIME_MAX),
    )
    return [
        Letter(
            mail,
            letter.address,
            now - away + _within(letter.expires, LIFE_SECONDS),
            now - away + _within(letter.due, RETRY_SECONDS_MAX),
            int(_within(letter.attempts, REPEATS_MAX)),
        )
        for letter in saved.waiting[: RECIPIENTS_MAX + 1]
        if letter.address in mail.to
    ]


def _read_endpoints(endpoints: list[tuple[str, int]]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(address, port)
        for address, port in endpoints[:ENDPOINTS_MAX]
        if _is_ip_address(address) and 0 < port < 65536
    )


def _words(packet: Mapping[str, str]) -> tuple[object, object, object, object]:
    return packet.get("severity"), packet.get("class"), packet.get("text"), packet.get("key")


def _is_address(text: str) -> bool:
    try:
        return parse_mailbox(text) == text
    except ValueError:
        return False


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(number: float, most: float) -> float:
    return min(max(number, 0.0), most)
