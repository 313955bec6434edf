"""How a message's envelope lies on disk: a msgpack array, fields in a fixed order.

Text is kept as bytes, so that whatever came from the network comes back the same. What is read is
checked against the types below; anything else is a `DamagedError`. A new field of the envelope
goes to the end of `_Envelope` with a default, and of `envelope_fields` in `fields.py`: then older
records can still be read.
"""

from typing import Final

import msgspec

from mailwarden.core.mail.envelope import Body, Direction, Envelope, Notify, Recipient
from mailwarden.stores.spool.fields import envelope_fields, from_text
from mailwarden.stores.spool.spool import DamagedError


class _Recipient(msgspec.Struct, array_like=True):
    address: bytes
    notify: int = 0
    original: bytes = b""
    mailhost: bytes = b""


class _Envelope(msgspec.Struct, array_like=True):
    mid: int
    icid: int
    sender: bytes
    recipients: tuple[_Recipient, ...]
    received_at: float
    direction: bytes
    listener: bytes
    interface: bytes
    client_address: bytes
    client_name: bytes
    helo: bytes
    user: bytes
    body: int
    smtputf8: bool
    requiretls: bool
    envelope_id: bytes
    return_full: bool | None
    bounce_profile: bytes
    policy: bytes
    parent: int
    report: bool
    passed: bytes = b""
    tls_optional: bool = False
    gateway: bytes = b""


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """Which recipients of another message live on in this one, or were told of by it."""

    parent: int  # MID
    how: int  # Settlement
    rids: tuple[int, ...]
    report: int | None = None  # key of the report that this message resolves


class LargeFile(msgspec.Struct, array_like=True, frozen=True):
    """Content that lies in a file of its own."""

    name: str
    size: int
    crc: int


class Meta(msgspec.Struct, array_like=True, frozen=True):
    """What a record carries besides numbers and the message's bytes."""

    envelope: msgspec.Raw
    claim: Claim | None = None
    large: LargeFile | None = None
    source: int = 0  # sequence number of the segment that this is a copy from; 0 is none


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_envelope: Final = msgspec.msgpack.Decoder(_Envelope).decode
_decode_meta: Final = msgspec.msgpack.Decoder(Meta).decode
_NAME_LETTERS: Final = frozenset("0123456789abcdef-")


def encode_meta(
    envelope: Envelope, claim: Claim | None = None, large: LargeFile | None = None
) -> bytes:
    """Return what a record of a new message carries."""
    if claim is None and large is None:
        return _encode((envelope_fields(envelope),))
    return _encode((envelope_fields(envelope), claim, large))


def encode_copy(meta: Meta, source: int) -> bytes:
    """Return `meta` for a copy out of segment `source`.

    The claim stays behind: the parent's own journal has it before the source goes.
    """
    return _encode((meta.envelope, None, meta.large, source))


def decode_meta(data: bytes) -> Meta:
    """Return what a record carries. Raises DamagedError."""
    try:
        meta = _decode_meta(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    if meta.large is not None and not (set(meta.large.name) <= _NAME_LETTERS and meta.large.name):
        detail = f"{meta.large.name!r} is no name of a file of the spool"
        raise DamagedError(detail)
    return meta


def decode_envelope(data: bytes | msgspec.Raw) -> Envelope:
    """Return the envelope in `Meta.envelope`. Raises DamagedError."""
    try:
        fields = _decode_envelope(data)
        return Envelope(
            mid=fields.mid,
            icid=fields.icid,
            sender=from_text(fields.sender),
            recipients=tuple(
                Recipient(
                    from_text(recipient.address),
                    Notify(recipient.notify),
                    from_text(recipient.original),
                    from_text(recipient.mailhost),
                )
                for recipient in fields.recipients
            ),
            received_at=fields.received_at,
            direction=Direction(fields.direction.decode()),
            listener=from_text(fields.listener),
            interface=from_text(fields.interface),
            client_address=from_text(fields.client_address),
            client_name=from_text(fields.client_name),
            helo=from_text(fields.helo),
            user=from_text(fields.user),
            body=Body(fields.body),
            smtputf8=fields.smtputf8,
            requiretls=fields.requiretls,
            envelope_id=from_text(fields.envelope_id),
            return_full=fields.return_full,
            bounce_profile=from_text(fields.bounce_profile),
            policy=from_text(fields.policy),
            parent=fields.parent,
            report=fields.report,
            passed=from_text(fields.passed),
            tls_optional=fields.tls_optional,
            gateway=from_text(fields.gateway),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error
