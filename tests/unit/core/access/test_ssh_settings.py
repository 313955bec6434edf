"""The choice of algorithms: all of them exist, none is weak, FIPS mode has its own (ACC-06)."""

import re

import pytest
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_public_key_algs

from mailwarden.core.access.ssh_key import KEY_TYPES_FIPS
from mailwarden.core.access.ssh_settings import (
    CIPHERS,
    HOST_KEYS,
    KEY_EXCHANGES,
    MACS,
    SIGNATURES,
    SshSettings,
    fips_subset,
)

ALL = (*CIPHERS, *MACS, *KEY_EXCHANGES, *SIGNATURES)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (CIPHERS, get_encryption_algs()),
        (MACS, get_mac_algs()),
        (KEY_EXCHANGES, get_kex_algs()),
        (SIGNATURES, get_public_key_algs()),
    ],
)
def test_they_exist(ours: tuple[str, ...], theirs: list[bytes]) -> None:
    assert {each.encode() for each in ours} <= set(theirs)


def test_none_is_weak() -> None:
    weak = re.compile(r"sha1|md5|cbc|arcfour|dss|^ssh-rsa$|-96|group1-|umac-64")
    assert [each for each in ALL if weak.search(each)] == []


def test_fips_mode() -> None:
    allowed = re.compile(
        r"aes\d+-ctr|aes(128|256)-gcm@openssh\.com|hmac-sha2-(256|512)(-etm@openssh\.com)?"
        r"|ecdh-sha2-nistp\d+|diffie-hellman-group14-sha256|diffie-hellman-group1[68]-sha512"
        r"|rsa-sha2-\d+|(sk-)?ecdsa-sha2-nistp\d+(@openssh\.com)?"
    )
    assert all(allowed.fullmatch(each) for each in fips_subset(ALL))
    assert {"rsa-sha2-512", "ecdsa-sha2-nistp521"} <= set(fips_subset(SIGNATURES))
    assert len(KEY_TYPES_FIPS) == 5


def test_fips_mode_never_leaves_nothing() -> None:
    only = SshSettings(ciphers=("chacha20-poly1305@openssh.com",), host_keys=("ssh-ed25519",))
    strict = only.for_fips()
    assert strict.ciphers == fips_subset(CIPHERS)
    assert strict.host_keys == fips_subset(HOST_KEYS)
    assert "curve25519-sha256" not in strict.key_exchanges


def test_empty_lists_are_problems() -> None:
    assert list(SshSettings().problems()) == []
    empty = SshSettings(ciphers=(), macs=(), key_exchanges=(), host_keys=())
    assert [problem.path for problem in empty.problems()] == [
        "ciphers", "macs", "key_exchanges", "host_keys",
    ]  # fmt: skip
