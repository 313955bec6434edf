"""Reads the arguments of commands (RFC 5321, 4.1.1) into events."""

from typing import Final

from mailwarden.core.mail.address import AddressError, parse_path
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import (
    BadSyntax,
    Hello,
    InvalidAddress,
    LimitExceeded,
    Mail,
    Rcpt,
)
from mailwarden.core.smtp.limits import HELO_NAME_BYTES_MAX, SIZE_DIGITS_MAX
from mailwarden.core.smtp.parameters import (
    ParameterError,
    parse_mail_parameters,
    parse_rcpt_parameters,
)
from mailwarden.core.smtp.rules import ConversationRules

_MAIL_SYNTAX: Final = replies.syntax_error("expected MAIL FROM:<address>")
_RCPT_SYNTAX: Final = replies.syntax_error("expected RCPT TO:<address>")
_BDAT_SYNTAX: Final = replies.syntax_error("expected BDAT <size> [LAST]")
_NAME_TOO_LONG: Final = replies.syntax_error("domain too long")


def parse_hello(
    verb: str, argument: str, rules: ConversationRules, *, is_encrypted: bool
) -> Hello | BadSyntax:
    """Return what EHLO or HELO says; the name may be anything, but EHLO must have one."""
    name = argument.strip()
    if len(name.encode("utf-8", "surrogateescape")) > HELO_NAME_BYTES_MAX:
        return BadSyntax(verb, _NAME_TOO_LONG)
    if verb == "HELO":
        return Hello(verb, name, rules.helo)
    if not name:
        return BadSyntax(verb, replies.EHLO_NEEDS_DOMAIN)
    return Hello(verb, name, rules.ehlo_encrypted if is_encrypted else rules.ehlo)


def parse_mail(
    argument: str, rules: ConversationRules, *, is_encrypted: bool
) -> Mail | BadSyntax | InvalidAddress | LimitExceeded:
    """Return what MAIL says."""
    if argument[:5].upper() != "FROM:":
        return BadSyntax("MAIL", _MAIL_SYNTAX)
    try:
        address, parameters = parse_path(
            argument[5:], rules.address_rules, sender=True, default_domain=rules.sender_domain
        )
        if not parameters:
            return Mail(address)
        values = parse_mail_parameters(parameters, rules, is_encrypted=is_encrypted)
    except AddressError as error:
        return InvalidAddress("sender", error)
    except ParameterError as wrong:
        return BadSyntax("MAIL", wrong.reply)
    if values.get("size", 0) > rules.max_message_size:  # RFC 1870, 6.1
        return LimitExceeded("MAIL", replies.MESSAGE_SIZE_EXCEEDED)
    return Mail(address, **values)


def parse_rcpt(argument: str, rules: ConversationRules) -> Rcpt | BadSyntax | InvalidAddress:
    """Return what RCPT says."""
    if argument[:3].upper() != "TO:":
        return BadSyntax("RCPT", _RCPT_SYNTAX)
    try:
        address, parameters = parse_path(
            argument[3:], rules.address_rules, sender=False, default_domain=rules.default_domain
        )
        if not parameters:
            return Rcpt(address)
        values = parse_rcpt_parameters(parameters)
    except AddressError as error:
        return InvalidAddress("recipient", error)
    except ParameterError as wrong:
        return BadSyntax("RCPT", wrong.reply)
    return Rcpt(address, **values)


def parse_bdat(argument: str) -> tuple[int, bool] | BadSyntax:
    """Return the size of the chunk, and whether it is the last (RFC 3030, section 2).

    Without a size nobody knows where the next command begins, so nothing after it is read:
    what was meant as content must not be taken for commands.
    """
    size, _, last = argument.strip().partition(" ")
    if not (size.isascii() and size.isdigit() and len(size) <= SIZE_DIGITS_MAX):
        return BadSyntax("BDAT", _BDAT_SYNTAX, is_lost=True)
    if last.strip().upper() not in ("", "LAST"):
        return BadSyntax("BDAT", _BDAT_SYNTAX, is_lost=True)
    return int(size), bool(last)
