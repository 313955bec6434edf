"""Reads the parameters of MAIL and RCPT (RFC 5321, 4.1.1.11, and the extensions' RFCs)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from mailwarden.core.mail.envelope import Body, Notify
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.limits import (
    ENVELOPE_ID_CHARACTERS_MAX,
    ORIGINAL_RECIPIENT_CHARACTERS_MAX,
    SIZE_DIGITS_MAX,
)
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.rules import ConversationRules

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*+\Z")  # RFC 3461, section 4
_XTEXT_CODE: Final = re.compile(r"\+([0-9A-F]{2})")
_PRINTABLE: Final = re.compile(r"[ -~]*\Z")
_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
# RFC 6533, section 3: utf-8-addr-xtext and utf-8-addr-unitext.
_UTF8_ADDRESS: Final = re.compile(r"(?:[!-*,-<>-\[\]-~]|[^\x00-\x7f]|\\x\{[0-9A-F]{2,6}\})++\Z")
_UTF8_CODE: Final = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_BODIES: Final = {"7BIT": Body.SEVENBIT, "8BITMIME": Body.EIGHTBITMIME}
_RETURNS: Final = {"FULL": True, "HDRS": False}
_NOTIFIES: Final = {
    "SUCCESS": Notify.SUCCESS,
    "FAILURE": Notify.FAILURE,
    "DELAY": Notify.DELAY,
}

_Value = TypeVar("_Value")
Values = dict[str, Any]  # by field of the event Mail or Rcpt
_Read = Callable[[str, Values], None]


class ParameterError(Exception):
    """A parameter that cannot be taken, with what the client is told."""

    def __init__(self, reply: Reply) -> None:
        self.reply: Final = reply
        super().__init__(reply.text)


def parse_mail_parameters(text: str, rules: ConversationRules, *, is_encrypted: bool) -> Values:
    """Return what the parameters of MAIL say.

    Raises:
        ParameterError: one is unknown, wrong or given twice.
    """
    values = _parse(text, _MAIL_IN_TLS if is_encrypted else _MAIL)
    if "auth" in values and not rules.allows_auth(is_encrypted=is_encrypted):
        raise ParameterError(replies.unknown_parameter("AUTH"))
    return values


def parse_rcpt_parameters(text: str) -> Values:
    """Return what the parameters of RCPT say.

    Raises:
        ParameterError: one is unknown, wrong or given twice.
    """
    return _parse(text, _RCPT)


def decode_xtext(text: str) -> str:
    """Return what `text` stands for (RFC 3461, section 4): printable ASCII, so no line end.

    Raises:
        ValueError: it is not xtext, or stands for something else.
    """
    if not _XTEXT.match(text):
        raise ValueError("not xtext")
    if "+" not in text:
        return text
    decoded = _XTEXT_CODE.sub(lambda match: chr(int(match[1], 16)), text)
    if not _PRINTABLE.match(decoded):
        raise ValueError("not printable")
    return decoded


def decode_utf8_xtext(text: str) -> str:
    r"""Return the address that `text` stands for (RFC 6533, section 3): UTF-8 or `\x{HEX}`.

    Raises:
        ValueError: it is none of both, or stands for something that cannot be printed.
    """
    if not _UTF8_ADDRESS.match(text):
        raise ValueError("not utf-8-addr-xtext")
    decoded = _UTF8_CODE.sub(lambda match: chr(int(match[1], 16)), text)
    if not decoded.isprintable():
        raise ValueError("not printable")
    return decoded


def _parse(text: str, known: Mapping[str, _Read]) -> Values:
    values: Values = {}
    for parameter in text.split():
        keyword, _, value = parameter.partition("=")
        name = keyword.upper()
        read = known.get(name)
        if read is None:
            # RFC 5321, 4.1.1.11 and 4.2.4.1: 555 for what is not known, 501 for wrong values.
            raise ParameterError(replies.unknown_parameter(keyword[:64]))
        before = len(values)
        try:
            read(value, values)
        except ValueError:
            raise ParameterError(replies.invalid_argument(parameter[:64])) from None
        if len(values) == before:
            raise ParameterError(replies.invalid_argument(f"{name} given twice"))
    return values


def _size(value: str, values: Values) -> None:
    if not (value.isascii() and value.isdigit() and len(value) <= SIZE_DIGITS_MAX):
        raise ValueError(value)
    values["size"] = int(value)


def _body(value: str, values: Values) -> None:
    values["body"] = _one_of(_BODIES, value)  # BINARYMIME is not offered (RFC 3030, section 3)


def _smtputf8(value: str, values: Values) -> None:
    values["smtputf8"] = _flag(value)


def _requiretls(value: str, values: Values) -> None:
    values["requiretls"] = _flag(value)


def _ret(value: str, values: Values) -> None:
    values["return_full"] = _one_of(_RETURNS, value)


def _envid(value: str, values: Values) -> None:
    values["envelope_id"] = _bounded(decode_xtext(value), ENVELOPE_ID_CHARACTERS_MAX)


def _auth(value: str, values: Values) -> None:
    values["auth"] = "" if value == "<>" else _bounded(decode_xtext(value), 500)


def _notify(value: str, values: Values) -> None:
    if value.upper() == "NEVER":  # which stands alone (RFC 3461, 4.1)
        values["notify"] = Notify.NEVER
        return
    flags = Notify.UNSPECIFIED
    for word in value.split(","):
        flags |= _one_of(_NOTIFIES, word)
    values["notify"] = flags


def _orcpt(value: str, values: Values) -> None:
    kind, _, address = _bounded(value, ORIGINAL_RECIPIENT_CHARACTERS_MAX).partition(";")
    if not _ADDRESS_TYPE.match(kind):
        raise ValueError(kind)
    decode = decode_utf8_xtext if kind.lower() == "utf-8" else decode_xtext
    values["original"] = f"{kind};{_bounded(decode(address), ORIGINAL_RECIPIENT_CHARACTERS_MAX)}"


def _one_of(values: Mapping[str, _Value], word: str) -> _Value:
    value = values.get(word.upper())
    if value is None:
        raise ValueError(word)
    return value


def _flag(value: str) -> bool:
    if value:
        raise ValueError(value)
    return True


def _bounded(text: str, characters_max: int) -> str:
    if not 0 < len(text) <= characters_max:
        raise ValueError(text)
    return text


_MAIL: Final[Mapping[str, _Read]] = {
    "SIZE": _size,
    "BODY": _body,
    "SMTPUTF8": _smtputf8,
    "RET": _ret,
    "ENVID": _envid,
    "AUTH": _auth,
}
_MAIL_IN_TLS: Final = {**_MAIL, "REQUIRETLS": _requiretls}  # RFC 8689, section 2
_RCPT: Final[Mapping[str, _Read]] = {"NOTIFY": _notify, "ORCPT": _orcpt}
