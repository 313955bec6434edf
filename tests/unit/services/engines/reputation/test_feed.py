"""The text of a feed and its table: what is taken, what is refused, the longest prefix."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailwarden.services.engines.reputation import feed as limits
from mailwarden.services.engines.reputation.feed import parse_feed
from mailwarden.services.engines.reputation.networks import (
    address_key,
    describe_network,
    network_key,
    pack_address,
)
from mailwarden.services.engines.reputation.signature import (
    HmacVerifier,
    SignatureError,
    load_verifier,
)

FEED = b"""\
# made by hand

0.0.0.0/0           -0.1
198.51.100.0/24     -4.5   dial-up pool
198.51.100.128/25   +1
198.51.100.200      10.0   # a good one
2001:db8::/32       -10    documentation
2001:db8:0:1::/64\t2.5
2001:db8:0:1::25/128 3
::ffff:192.0.2.0/120 -7
"""

LOOKUPS = [
    ("198.51.100.1", "198.51.100.0/24", -45, "dial-up pool"),
    ("198.51.100.127", "198.51.100.0/24", -45, "dial-up pool"),
    ("198.51.100.128", "198.51.100.128/25", 10, ""),
    ("198.51.100.200", "198.51.100.200", 100, "a good one"),
    ("198.51.100.201", "198.51.100.128/25", 10, ""),
    ("198.51.101.0", "0.0.0.0/0", -1, ""),
    ("255.255.255.255", "0.0.0.0/0", -1, ""),
    ("192.0.2.77", "192.0.2.0/24", -70, ""),
    ("::ffff:192.0.2.77", "192.0.2.0/24", -70, ""),
    ("2001:db8::1", "2001:db8::/32", -100, "documentation"),
    ("2001:db8:0:1::24", "2001:db8:0:1::/64", 25, ""),
    ("2001:db8:0:1::25", "2001:db8:0:1::25", 30, ""),
    ("2001:db8:0:1::26", "2001:db8:0:1::/64", 25, ""),
    ("2001:db8:0:2::", "2001:db8::/32", -100, "documentation"),
]


@pytest.mark.parametrize(("address", "network", "tenths", "note"), LOOKUPS)
def test_the_longest_prefix_wins(address: str, network: str, tenths: int, note: str) -> None:
    feed = parse_feed(FEED).table
    assert feed.find(pack_address(address)) == (network, tenths, note)


@pytest.mark.parametrize("address", ["2001:db9::", "::", "ffff::"])
def test_what_is_not_listed(address: str) -> None:
    assert parse_feed(FEED).table.find(pack_address(address)) is None


def test_nothing_in_an_empty_feed() -> None:
    imported = parse_feed(b"")
    assert (len(imported.table), imported.problems, imported.warnings) == (0, (), ())
    assert imported.table.find(b"\1\2\3\4") is None


PROBLEMS = [
    (b"198.51.100.0/24", "a network needs a score behind it, such as -4.5"),
    (b"198.51.100.0/24 bad", "'bad' is not a score from -10.0 to +10.0 with one decimal"),
    (b"198.51.100.0/24 -10.1", "'-10.1' is not a score from -10.0 to +10.0 with one decimal"),
    (b"198.51.100.0/24 -4.55", "'-4.55' is not a score from -10.0 to +10.0 with one decimal"),
    (b"198.51.100.0/24 nan", "'nan' is not a score from -10.0 to +10.0 with one decimal"),
    (b"198.51.100.1/24 -4", "'198.51.100.1/24' has bits set behind its prefix"),
    (b"198.51.100.0/33 -4", "'198.51.100.0/33' needs a prefix from /0 to /32"),
    (b"198.51.100.0/ -4", "'198.51.100.0/' needs a prefix from /0 to /32"),
    (b"2001:db8::/129 -4", "'2001:db8::/129' needs a prefix from /0 to /128"),
    (b"198.51.100 -4", "'198.51.100' is neither an IP address nor a network"),
    (b"host.example -4", "'host.example' is neither an IP address nor a network"),
    (b"\xff\0 -4", "'\ufffd\\x00' is neither an IP address nor a network"),
    (b"198.51.100.0/24 -4 " + b"x" * 1000, "longer than 1000 bytes"),
]


@pytest.mark.parametrize(("line", "message"), PROBLEMS)
def test_every_problem_is_told_with_its_line(line: bytes, message: str) -> None:
    imported = parse_feed(b"192.0.2.1 1\n" + line + b"\n\nbad\n192.0.2.2 1\n")
    assert [(each.path, each.message) for each in imported.problems] == [
        ("line 2", message),
        ("line 4", "a network needs a score behind it, such as -4.5"),
    ]


def test_a_network_twice() -> None:
    imported = parse_feed(b"192.0.2.0/24 1\n192.0.2.0/24 1.0\n192.0.2.9 2\n192.0.2.0/24 -1\n")
    assert [(each.path, each.message) for each in imported.warnings] == [
        ("line 2", "192.0.2.0/24 stands in line 1 already")
    ]
    assert [(each.path, each.message) for each in imported.problems] == [
        ("line 4", "192.0.2.0/24 has another score in line 1")
    ]


@pytest.mark.interpreted
def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINES_MAX", 5)
    monkeypatch.setattr(limits, "FAULTS_MAX", 2)
    monkeypatch.setattr(limits, "NOTES_MAX", 2)
    imported = parse_feed(b"\n" * 6)
    assert [each.path for each in imported.problems] == ["line 6"]
    imported = parse_feed(b"bad\n" * 5)
    assert [each.message for each in imported.problems][2] == "3 more problems"
    imported = parse_feed(b"".join(b"192.0.2.%d 1 note %d\n" % (n, n) for n in range(4)))
    assert [each.path for each in imported.warnings] == ["line 3", "line 4"]
    found = [imported.table.find(bytes((192, 0, 2, n))) for n in range(4)]
    assert [each and each.note for each in found] == ["note 0", "note 1", "", ""]
    monkeypatch.setattr(limits, "FEED_BYTES_MAX", 10)
    assert parse_feed(b"\n" * 11).problems[0].message == "larger than 10 bytes"


def test_comments_are_fit_for_a_log_line() -> None:
    found = parse_feed(b"192.0.2.1 1 a\x1b[31m\xff" + b"b" * 100).table.find(b"\xc0\0\2\1")
    assert found is not None
    assert found.note == "a?[31m\ufffd" + "b" * 73


@pytest.mark.interpreted
def test_the_order_of_lines_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailwarden.services.engines.reputation.feed_table.RUN_ENTRIES", 2)
    feed = parse_feed(b"\n".join(reversed(FEED.splitlines()))).table
    assert len(feed) == 8
    assert feed.size_bytes == 5 * 12 + 3 * 24
    for address, *expected in LOOKUPS:
        assert feed.find(pack_address(address)) == tuple(expected)


def test_reading_can_be_given_up() -> None:
    def give_up() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        parse_feed(b"192.0.2.1 1\n" * 2000, give_up)


ADDRESSES = [
    ("192.0.2.25", "c0000219", "192.0.2.0/24"),
    ("::ffff:192.0.2.25", "c0000219", "192.0.2.0/24"),
    ("2001:db8:1:2:3::4", "20010db8000100020003000000000004", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe800000000000000000000000000001", "fe80::/64"),
]


@pytest.mark.parametrize(("text", "packed", "network"), ADDRESSES)
def test_addresses(text: str, packed: str, network: str) -> None:
    assert pack_address(text).hex() == packed
    assert describe_network(pack_address(text)) == network


@pytest.mark.parametrize("text", ["", "host", "1.2.3", "1.2.3.4.5", "::g", "1\0", "\u0661.2.3.4"])
def test_what_is_no_address(text: str) -> None:
    assert pack_address(text) == b""
    assert pack_address("1" * 100_000) == b""


def test_keys_are_of_one_size() -> None:
    four, six = pack_address("192.0.2.25"), pack_address("2001:db8::1")
    assert address_key(four).hex() == "00000000000000000000ffffc0000219"
    assert network_key(four).hex() == "00000000000000000000ffffc0000200"
    assert address_key(six) == six
    assert network_key(six).hex() == "20010db8000000000000000000000000"


KEY = b"0123456789abcdef0123456789abcdef"
CODE = hmac.new(KEY, b"content", hashlib.sha256).hexdigest().encode()


@pytest.mark.parametrize(
    "signature",
    [CODE, CODE + b"\n", CODE.upper() + b"\r\n", b"HMAC-SHA2-256(a=b.txt)= " + CODE + b"\n"],
)
@pytest.mark.parametrize("key", [KEY, KEY + b"\n", KEY + b"\r\n"])
def test_a_signature_that_fits(key: bytes, signature: bytes) -> None:
    HmacVerifier(key).verify(b"content", signature)
    assert HmacVerifier(key).sign(b"content").encode() == CODE


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (b"0" * 64, "does not fit"),
        (b"", "64 hexadecimal digits"),
        (CODE[:-1], "64 hexadecimal digits"),
        (CODE + b" x", "64 hexadecimal digits"),
        (b"=" * 5000, "too large"),
    ],
)
def test_a_signature_that_does_not(signature: bytes, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        HmacVerifier(KEY).verify(b"content", signature)
    with pytest.raises(SignatureError):
        HmacVerifier(KEY + b"x").verify(b"content", CODE)


@pytest.mark.parametrize("key", [b"", KEY[1:], KEY[1:] + b"\n", b"x" * 5000])
def test_keys_of_the_wrong_length(key: bytes) -> None:
    with pytest.raises(SignatureError, match="a key has 32 to 4096 bytes"):
        HmacVerifier(key)


def test_a_public_key_checks_what_its_owner_signed() -> None:
    owner = Ed25519PrivateKey.generate()
    pem = owner.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    verifier = load_verifier(pem)
    verifier.verify(b"content", owner.sign(b"content"))
    with pytest.raises(SignatureError, match="does not fit"):
        verifier.verify(b"other", owner.sign(b"content"))
    code = HmacVerifier(pem).sign(b"content").encode()  # anybody could make this one
    with pytest.raises(SignatureError, match="does not fit"):
        verifier.verify(b"content", code)


def test_a_damaged_public_key_is_no_shared_one() -> None:
    with pytest.raises(SignatureError, match="the key is not a public key"):
        load_verifier(b"-----BEGIN PUBLIC KEY-----\n" + bytes(40))
