"""The From field of mail that the gateway writes (RFC 5322, 3.6.2), as an administrator sets it."""

import re
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.mail.dsn_field import encode_subject, hostname_text
from mailwarden.core.patterns import parse_mailbox

NAME_LENGTH_MAX: Final = 100  # letters in front of an address
DAEMON_NAME: Final = "Mail Delivery System"
DAEMON: Final = "MAILER-DAEMON"
_SPECIAL: Final = '"\\<>'
_DOT_ATOM: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*\Z", re.ASCII)


def parse_from(text: str) -> str:
    """Return `user@dom.example` or `Name <user@dom.example>`, in the form that it is kept in.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    value = text.strip()
    if not value.endswith(">"):
        return _address(value)
    name, bracket, address = value[:-1].rpartition("<")
    if not bracket:
        raise ValueError(f"{text[:SHOWN_LENGTH_MAX]!r} needs the form Name <user@dom.example>")
    name = name.strip().removeprefix('"').removesuffix('"').strip()
    if len(name) > NAME_LENGTH_MAX:
        raise ValueError(f"the name before the address is longer than {NAME_LENGTH_MAX} letters")
    if not name.isprintable() or any(sign in name for sign in _SPECIAL):
        raise ValueError(f"the name {name!r} has signs in it that cannot stand before an address")
    return f"{name} <{_address(address)}>" if name else _address(address)


def build_from(chosen: str, hostname: str, *, user: str = DAEMON, name: str = DAEMON_NAME) -> str:
    """Return the value of a From field, in ASCII; it may have several lines.

    `chosen` is what `parse_from` returned; "" is `user` at `hostname` with `name` before it.
    """
    if not chosen:
        return _named(name, f"{user}@{hostname_text(hostname)}")
    before, bracket, address = chosen.removesuffix(">").rpartition("<")
    return _named(before.strip(), address) if bracket else _named("", chosen)


def _named(name: str, address: str) -> str:
    if not name:
        return f"<{address}>"
    return f'"{name}" <{address}>' if name.isascii() else f"{encode_subject(name)}\r\n <{address}>"


def _address(text: str) -> str:
    address = parse_mailbox(text)
    if not address.isascii():  # RFC 6532 would keep it from everybody without SMTPUTF8
        raise ValueError(f"{address[:SHOWN_LENGTH_MAX]!r}: before the @ only ASCII letters can be")
    if not _DOT_ATOM.match(address.rpartition("@")[0]):
        raise ValueError(f"{address!r}: what stands before the @ would need quotes")
    return address
