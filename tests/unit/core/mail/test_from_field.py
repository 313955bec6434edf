"""The From of mail that the gateway writes."""

import email
import email.policy
from email.headerregistry import Address

import pytest

from mailwarden.core.mail.from_field import build_from, parse_from

READ = [
    (" post@Corp.Example ", "post@corp.example"),
    ("Post Office <post@corp.example>", "Post Office <post@corp.example>"),
    ('"Post, Office" <post@corp.example>', "Post, Office <post@corp.example>"),
    ("<post@corp.example>", "post@corp.example"),
    ("Zürich <post@bücher.example>", "Zürich <post@xn--bcher-kva.example>"),
]
REFUSED = [
    "", "post", "post@", "@corp.example", "Post post@corp.example>", "a <b> <post@corp.example>",
    "Post\r\nBcc: eve@evil.example <post@corp.example>", 'a"b <post@corp.example>',
    "pöst@corp.example", "po(st@corp.example", ".post@corp.example", "po..st@corp.example",
    f"{'x' * 101} <post@corp.example>", "\u202epost <post@corp.example>",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kept"), READ)
def test_reads(text: str, kept: str) -> None:
    assert parse_from(text) == kept
    assert parse_from(kept) == kept


@pytest.mark.parametrize("text", REFUSED)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        parse_from(text)


def built(chosen: str) -> Address:
    """What the standard library reads in the field."""
    field = f"From: {build_from(chosen, 'gw1.corp.example')}\r\n\r\n".encode("ascii")
    address = email.message_from_bytes(field, policy=email.policy.default)["From"].addresses[0]
    assert isinstance(address, Address)
    return address


@pytest.mark.parametrize(
    ("chosen", "name", "address"),
    [
        ("", "Mail Delivery System", "MAILER-DAEMON@gw1.corp.example"),
        ("post@corp.example", "", "post@corp.example"),
        ("Post, Office <post@corp.example>", "Post, Office", "post@corp.example"),
        ("Zürich <post@corp.example>", "Zürich", "post@corp.example"),
    ],
)
def test_builds(chosen: str, name: str, address: str) -> None:
    assert (built(chosen).display_name, built(chosen).addr_spec) == (name, address)
