"""Accounts as text for the store: JSON, read back only if every part of it is what it should be."""

from typing import Final

import msgspec

from mailwarden.core.access.account import SOURCES_MAX, Account, Change
from mailwarden.core.access.password_hash import parse_password_hash
from mailwarden.core.access.password_policy import REUSE_MAX

TEXT_BYTES_MAX: Final = 64 * 1024
_DECODER: Final = msgspec.json.Decoder(Account, strict=True)


def encode_account(account: Account) -> bytes:
    """Return the text that `parse_account` reads."""
    return msgspec.json.encode(account)


def parse_account(text: bytes) -> Account:
    """Return the account that `text` is.

    Raises:
        ValueError: it is none; the message says which part is wrong, and repeats no secret.
    """
    if len(text) > TEXT_BYTES_MAX:
        raise ValueError(f"an account takes up to {TEXT_BYTES_MAX} bytes")
    try:
        account = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not an account: {error}") from error
    if account.change is Change.EXPIRED:
        raise ValueError("expiry is not kept, it follows from the age of the password")
    if len(account.history) > REUSE_MAX or len(account.sources) > SOURCES_MAX:
        raise ValueError("the account has too many earlier passwords or known networks")
    if account.failures < 0 or account.generation < 0:
        raise ValueError("counters are never negative")
    for each in (account.password, *account.history):
        if each:
            parse_password_hash(each)
    return account
