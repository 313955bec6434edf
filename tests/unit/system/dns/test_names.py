"""Names and addresses in text and wire form."""

import pytest

from mailwarden.system.dns.names import (
    Address,
    decode_host,
    encode_name,
    is_localhost,
    parse_address,
    read_name,
)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("a", b"\1a\0"),
        ("Mail.Example.", b"\4mail\7example\0"),
        ("_dmarc.x-1.example", b"\6_dmarc\3x-1\7example\0"),
        ("m\u00fcller.example", b"\rxn--mller-kva\7example\0"),
        ("x" * 63, b"\x3f" + b"x" * 63 + b"\0"),
        (".".join(["x" * 63] * 3 + ["x" * 61]), None),
    ],
)
def test_names_go_there_and_back(text: str, wire: bytes | None) -> None:
    encoded = encode_name(text)
    assert wire is None or encoded == wire
    assert len(encoded) <= 255
    assert read_name(b"junk" + encoded + b"more", 4) == (encoded, 4 + len(encoded))
    assert encode_name(decode_host(encoded) or "") == encoded


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a host name"),
        (".", "not a host name"),
        (".a", "not a host name"),
        ("a..b", "not a host name"),
        ("a b", "not a host name"),
        ("a.example\n", "not a host name"),
        ("x" * 64, "not a host name"),
        (".".join(["x" * 63] * 3 + ["x" * 62]), "longer than a name can be"),
        ("x" * 5000, "longer than a name can be"),
        ("\udcff.example", "not an international host name"),
        ("\u00fc" * 70, "not an international host name"),
        ("a\u3002\u3002b", "not an international host name"),
    ],
)
def test_impossible_names_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encode_name(text)


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (b"\0", ""),
        (b"\1a\0", "a"),
        (b"\3a b\0", None),
        (b"\3a.b\0", None),
        (b"\2a\n\0", None),
        (b"\1\xff\0", None),
    ],
)
def test_only_what_a_host_can_be_called_becomes_text(wire: bytes, text: str | None) -> None:
    assert decode_host(wire) == text


def test_compressed_names_are_followed_back() -> None:
    wire = b"\7Example\0" + b"\4mail\xc0\0" + b"\1x\xc0\x09"
    assert read_name(wire, 9) == (b"\4mail\7example\0", 16)
    assert read_name(wire, 16) == (b"\1x\4mail\7example\0", 20)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\1",
        b"\1a",
        b"\5abc",
        b"\xc0",
        b"\xc0\0",  # to itself
        b"\1a\xc0\0",  # to its own start
        b"\xc0\5\0\0\0\0",  # forward
        b"\x40a\0",
        b"\x80a\0",
        (b"\x3f" + b"x" * 63) * 4 + b"\0",
    ],
)
def test_broken_names_are_refused(wire: bytes) -> None:
    with pytest.raises(ValueError, match="a name"):
        read_name(wire, 0)


def test_pointers_cannot_make_work() -> None:
    """A message full of pointers to pointers, each a little back, is cheap to refuse or follow."""
    wire = b"\0\0" + b"".join(
        (0xC000 | max(0, at - 2)).to_bytes(2, "big") for at in range(2, 16000, 2)
    )
    name, behind = read_name(wire, len(wire) - 2)
    assert (name, behind) == (b"\0", len(wire))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", Address("192.0.2.1", "1.2.0.192.in-addr.arpa", is_ipv6=False)),
        ("::ffff:192.0.2.1", Address("192.0.2.1", "1.2.0.192.in-addr.arpa", is_ipv6=False)),
        (
            "2001:DB8:0:0::0:1",
            Address(
                "2001:db8::1",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                is_ipv6=True,
            ),
        ),
        (
            "fe80::1%eth0",
            Address(
                "fe80::1",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
                is_ipv6=True,
            ),
        ),
    ],
)
def test_addresses_have_one_form(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "192.0.2", "192.0.2.256", ":::", "1.2.3.4\0", "\udcff:"])
def test_other_text_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("localhost", True),
        ("A.LOCALHOST.", True),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_localhost(text: str, result: bool) -> None:
    assert is_localhost(text) is result
