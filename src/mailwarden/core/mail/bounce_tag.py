"""Tags senders so that bounces to them can be told from forged ones (mailflow 7.6).

`joe@corp.example` leaves as `prvs=joe=<tag>@corp.example`. A tag has ten characters: the digit of
the key, the number of the day on which it expires, and six hexadecimal digits of an HMAC-SHA1
(RFC 2104) over both and the address. Days are those of UTC and counted modulo 1000.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.envelope import NULL_SENDER

TAG_DAYS: Final = 7  # how long a tag, and a key that was replaced, stay good
CLOCK_DAYS: Final = 1  # another gateway with the same key may have begun its day before us
TAG_LENGTH: Final = 10
KEYS_MAX: Final = 32  # the current one and those before it; all are tried
LOCAL_OCTETS_MAX: Final = 64  # RFC 5321, 4.5.3.1.1
ADDRESS_OCTETS_MAX: Final = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
FIELDS_MAX: Final = 1000  # of a header that are looked at

_PREFIX: Final = "prvs="
_ADDED: Final = len(_PREFIX) + len("=") + TAG_LENGTH
_DAY_SECONDS: Final = 86_400
_DAYS: Final = 1000
_HEX: Final = frozenset("0123456789abcdef")
_DIGITS: Final = frozenset("0123456789")


class Purge(Enum):
    """Which keys are thrown away, by the days that nobody has used them (unconfirmed)."""

    MONTH = 30
    THREE_MONTHS = 91
    SIX_MONTHS = 182
    YEAR = 365
    ALL = 0  # but the current one


@dataclass(frozen=True, slots=True)
class TagKey:
    """A secret, and what became of it. Times are epoch seconds."""

    secret: bytes = field(repr=False)
    digit: int  # 0 to 9: the first character of its tags; only for people
    used_at: float  # when it last made a tag or verified one
    retired_at: float | None = None  # when it was replaced; None is the current one

    def is_good_for_bounces(self, now: float) -> bool:
        """Whether tags made with it can still be good."""
        return self.retired_at is None or now - self.retired_at < TAG_DAYS * _DAY_SECONDS


@dataclass(frozen=True, slots=True)
class TagKeys:
    """All keys, the current one first. Without any there is nothing to tag or to verify."""

    keys: tuple[TagKey, ...] = ()

    def rotate(self, secret: bytes, now: float) -> "TagKeys":
        """Return the keys with `secret` as the current one.

        The one before it stays good for bounces for TAG_DAYS. A secret that was there already
        comes to the front again. Beyond KEYS_MAX the oldest is dropped.
        """
        if self.keys and self.keys[0].secret == secret:
            return self
        digit = (self.keys[0].digit + 1) % 10 if self.keys else 0
        older = [
            key if key.retired_at is not None else TagKey(key.secret, key.digit, key.used_at, now)
            for key in self.keys
            if key.secret != secret
        ]
        return TagKeys((TagKey(secret, digit, now), *older[: KEYS_MAX - 1]))

    def used(self, index: int, now: float) -> "TagKeys":
        """Return the keys with the time of use of one of them brought up to `now`.

        It is kept to the day: on all other calls of a day the result is this same object.
        """
        key = self.keys[index]
        if now - key.used_at < _DAY_SECONDS:
            return self
        fresh = TagKey(key.secret, key.digit, now, key.retired_at)
        return TagKeys((*self.keys[:index], fresh, *self.keys[index + 1 :]))

    def purge(self, what: Purge, now: float) -> "TagKeys":
        """Return the keys without those that were not used for so long; the current one stays."""
        if what is Purge.ALL:
            return TagKeys(self.keys[:1])
        since = now - what.value * _DAY_SECONDS
        # A key was in use until it was replaced, whether somebody wrote that down or not.
        return TagKeys(
            tuple(
                key
                for key in self.keys
                if key.retired_at is None or max(key.used_at, key.retired_at) >= since
            )
        )


class Finding(Enum):
    """What a recipient's tag is worth."""

    VALID = "valid"
    EXPIRED = "expired"  # ours, but too old or of a key that is
    BAD = "bad"  # made by somebody else, or for another address
    UNTAGGED = "untagged"
    UNTAGGABLE = "untaggable"  # without a tag, because it would be too long with one


class Checked(NamedTuple):
    """A recipient after verification."""

    finding: Finding
    address: str  # to go on with: without its tag, if that is ours
    key: int = -1  # index of the key that verifies it; -1 is none
    is_invalid_bounce: bool = False  # to be rejected, or marked with a header


def tag_sender(address: str, keys: TagKeys, now: float) -> str:
    """Return the envelope sender with a tag.

    The null reverse-path, an address with a tag in our form, and one that would get too long stay
    as they are. A tag in the form of another system is a part of the name to us: what verifies it
    is behind us and gets it back.
    """
    if not keys.keys or not is_taggable(address) or _split(address) is not None:
        return address
    key = keys.keys[0]
    day = (int(now // _DAY_SECONDS) + TAG_DAYS) % _DAYS
    head = f"{key.digit}{day:03}"
    tag = head + _mac(key.secret, head, address)
    local, _, domain = address.rpartition("@")
    if _is_quoted(local):  # RFC 5321, 4.1.2: the quotes are around the whole local part
        return f'"{_PREFIX}{local[1:-1]}={tag}"@{domain}'
    return f"{_PREFIX}{local}={tag}@{domain}"


def is_taggable(address: str) -> bool:
    """Whether an address can take a tag and stay within the limits of SMTP."""
    local, at, _ = address.rpartition("@")
    if not at or local in ("", '""'):
        return False
    return (
        len(_bytes(local)) + _ADDED <= LOCAL_OCTETS_MAX
        and len(_bytes(address)) + _ADDED <= ADDRESS_OCTETS_MAX
    )


def check_recipient(
    sender: str, address: str, keys: TagKeys, now: float, *, allow_untagged: bool = False
) -> Checked:
    """Return what a recipient is worth, with the address that is to take its place.

    With the null sender the tag decides whether this is a bounce of our mail; `allow_untagged`
    takes bounces without one. With any other sender, a tag that any key verifies is taken off,
    however old, and nothing is invalid. Without keys nothing is invalid either.
    """
    if not keys.keys:
        return Checked(Finding.UNTAGGED, address)
    if sender != NULL_SENDER:
        return strip_tag(address, keys)
    checked = verify_tag(address, keys, now)
    match checked.finding:
        case Finding.VALID | Finding.UNTAGGABLE:
            return checked
        case Finding.UNTAGGED:
            return checked._replace(is_invalid_bounce=not allow_untagged)
        case Finding.EXPIRED | Finding.BAD:
            return checked._replace(is_invalid_bounce=True)


def verify_tag(address: str, keys: TagKeys, now: float) -> Checked:
    """Return what the tag of a recipient of a bounce is worth."""
    checked = strip_tag(address, keys)
    if checked.finding is not Finding.VALID:
        return checked
    parts = _split(address)
    assert parts is not None
    left = (int(parts.tag[1:4]) - int(now // _DAY_SECONDS)) % _DAYS
    if left <= TAG_DAYS + CLOCK_DAYS and keys.keys[checked.key].is_good_for_bounces(now):
        return checked
    return checked._replace(finding=Finding.EXPIRED)


def strip_tag(address: str, keys: TagKeys) -> Checked:
    """Return the address without its tag if any key verifies it, whatever their age."""
    parts = _split(address)
    if parts is None:
        finding = Finding.UNTAGGED if is_taggable(address) else Finding.UNTAGGABLE
        return Checked(finding, address)
    index = _signer(parts, keys)
    if index < 0:
        return Checked(Finding.BAD, address)
    return Checked(Finding.VALID, parts.address, index)


def is_auto_reply(fields: Iterable[tuple[str, str]]) -> bool:
    """Whether a message is the answer of a program rather than a report of a mail system.

    Programs answer the author of a message, whose address has no tag, and do so with the null
    sender (RFC 3834, 3.3 and 4). `fields` are names and values of the header. That such mail is
    an exception is unconfirmed.
    """
    is_reply = False
    for number, (name, value) in enumerate(fields):
        if number == FIELDS_MAX:
            break
        word = value[:80].strip().lower()
        match name.lower():
            case "auto-submitted":  # RFC 3834, 5
                is_reply = is_reply or word.startswith("auto-replied")
            case "x-autoreply" | "x-autorespond":
                is_reply = is_reply or word != "no"
            case "precedence":
                is_reply = is_reply or word in ("auto_reply", "auto-reply")
            case "content-type":  # reports call themselves auto-replied too
                if word.startswith(("multipart/report", "message/delivery-status")):
                    return False
            case "x-failed-recipients":
                return False
    return is_reply


class _Parts(NamedTuple):
    """A tagged address, taken apart."""

    address: str  # without the tag
    tag: str  # in lower case: whoever answers may have changed that


def _split(address: str) -> _Parts | None:
    """Return the parts of an address with a tag in our form, whoever made it."""
    local, _, domain = address.rpartition("@")
    quote = '"' if _is_quoted(local) else ""
    inner = local[1:-1] if quote else local
    if inner[: len(_PREFIX)].lower() != _PREFIX:
        return None
    name, _, tag = inner[len(_PREFIX) :].rpartition("=")
    tag = tag.lower()
    if not name or len(tag) != TAG_LENGTH or not _is_tag(tag):
        return None
    return _Parts(f"{quote}{name}{quote}@{domain}", tag)


def _is_quoted(local: str) -> bool:
    return len(local) > 1 and local[0] == local[-1] == '"'


def _is_tag(tag: str) -> bool:
    return all(c in _DIGITS for c in tag[:4]) and all(c in _HEX for c in tag[4:])


def _signer(parts: _Parts, keys: TagKeys) -> int:
    """Return the index of the key that made the tag; -1 if none of them did.

    The digit is not asked for it, so that gateways agree that share only the secrets. All keys
    are tried, and compared in constant time: how long it takes tells nothing.
    """
    head, mac = parts.tag[:4], parts.tag[4:]
    found = -1
    for index in range(len(keys.keys) - 1, -1, -1):
        if hmac.compare_digest(mac, _mac(keys.keys[index].secret, head, parts.address)):
            found = index
    return found


def _mac(secret: bytes, head: str, address: str) -> str:
    return hmac.digest(secret, _bytes(head + address.lower()), "sha1").hex()[:6]


def _bytes(text: str) -> bytes:
    """Return UTF-8; bytes that never were any, kept as surrogates, stay apart from each other."""
    return text.encode("utf-8", "surrogatepass")
