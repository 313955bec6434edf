"""The fields of an envelope as they lie on disk, in a module that can be compiled."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from mailwarden.core.mail.envelope import Direction, Envelope, Recipient

_INCOMING: Final = Direction.INCOMING.value.encode()
_OUTGOING: Final = Direction.OUTGOING.value.encode()
_GENERATED: Final = Direction.GENERATED.value.encode()


def text(value: str) -> bytes:
    """Return `value` as bytes; whatever came from the network comes back the same."""
    return value.encode("utf-8", "surrogateescape")


def from_text(value: bytes) -> str:
    """Return what `text` was given."""
    return value.decode("utf-8", "surrogateescape")


@lru_cache(maxsize=4096)
def shared(value: str) -> str:
    """Return an equal text of which there is one for all: many messages wait for one reason."""
    return value


def _recipient_fields(recipient: Recipient) -> tuple[Any, ...]:
    address = text(recipient.address)
    if not (recipient.notify or recipient.original or recipient.mailhost):
        return (address,)
    return (
        address,
        int(recipient.notify),
        text(recipient.original),
        text(recipient.mailhost),
    )


def envelope_fields(envelope: Envelope) -> Sequence[Any]:
    """Return the fields in the order in which they lie on disk; see `codec.py`."""
    return (
        envelope.mid,
        envelope.icid,
        text(envelope.sender),
        [_recipient_fields(recipient) for recipient in envelope.recipients],
        envelope.received_at,
        _direction(envelope.direction),
        text(envelope.listener),
        text(envelope.interface),
        text(envelope.client_address),
        text(envelope.client_name),
        text(envelope.helo),
        text(envelope.user),
        int(envelope.body),
        envelope.smtputf8,
        envelope.requiretls,
        text(envelope.envelope_id),
        envelope.return_full,
        text(envelope.bounce_profile),
        text(envelope.policy),
        envelope.parent,
        envelope.report,
        text(envelope.passed),
        envelope.tls_optional,
        text(envelope.gateway),
    )


def _direction(direction: Direction) -> bytes:
    if direction is Direction.INCOMING:
        return _INCOMING
    if direction is Direction.OUTGOING:
        return _OUTGOING
    return _GENERATED
