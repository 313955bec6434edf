"""Public keys for SSH: what ssh-keygen writes is read, and everything else says why not."""

import base64

import pytest

from mailwarden.core.access.ssh_key import (
    COMMENT_LENGTH_MAX,
    KEY_TEXT_MAX,
    PublicKey,
    encode_rfc4716,
    parse_public_key,
)

ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIAdkxzh/sq9DE/QMATfkt0afZS+AGPMpR44tCEWlpgFb"
RSA_2048 = (
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCs32KYk64s2d0VkhY8sQkibn34fzcD2ncpLYQ0oBrK8cS8+NvkL3pm"
    "FkMZmrc+OOFuGogC2oyH4tLsGIAO4Lpy+ligfo0ydG9FKbllXRSNtCPk4B9qrCE+OONTP8aubXQYTPhadfTE"
    "YpmUq3UnqHYWrwTuH7ySc2scnXq5miG4pycAjoV46wUdhQD/xaBWmkQJhUxvL99XIZVO4UNGNYxu0DETBVNH"
    "+Twu9Y4zZdo82CUjUwae6NBB6lI8Y9JnkD3FvzDudYjuz28o8ksdE0SW5MKpPHNssc4+DMmJc8d4IMlYcu9j"
    "rzhhJeUTnfYkjyDhvcrEUJ2+Yle+qtjeNqHj"
)
P256 = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFN5lsYRSW6PwtcsSGSbDUUrbzJW11hm"
    "xZsIDtJwCfpyX8pCkRQGa0nNqqgq6/mh5TeOMVMrE9Bxu93hrana/no="
)
P384 = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDK6yDWuo5mCrDGz4r4dBNF7CfSJJYM+"
    "9M6dgmFBsYql3LS+Ey615y7sr6VrMMz44n9VgrjemYiuL2VxG89vHcZbQDhKaKJdZNVTMgcFMNDledT+8t4o"
    "GuKUc3xz/k3wBQ=="
)
P521 = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAiXhXpqXx4PPh34pD92sHv7PVYxJm0"
    "lGqrKv6v2nQIILSlBlmfz5JBMfR2nTvOoMOTGTKjaAmWj8vAVCnH6aBc+ACQBsX6LI7FkwS0iBW5REIQJdyP"
    "eUcmzKm+CKPYbmSLT4qH4yAMvxKeN6xfCjfrJiVM/BWh+Mu/aS74fJtb1B3DWw=="
)
RSA_1024 = (
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDPtKZ9mkFg6qs6Z7dyBv7rMl+uVLmrzYF6MEjfPivPLicSUo7b8dz7"
    "nKWJ1OMlCo+O5nJ8q1I9HQ9mkF1e6+kZD2BxDqf/FQdGjZSyqMtZV25qmDCPP1KioYpziY+xEzD0H+qzJxrI"
    "KcJpUHE3m6KfevDhNB/PB1NChQzuowqf9Q=="
)
KEYS = [  # type, key, bits, fingerprint as ssh-keygen -l shows it
    ("ssh-ed25519", ED25519, 256, "SHA256:yHPM5Cy7nxGSergnqvdrxClvW7VqavRapqlyRTBk3nQ"),
    ("ssh-rsa", RSA_2048, 2048, "SHA256:wRrCjWfkwuPb1KLiO4RTx0R82N2zSksuEQU8L018dqI"),
    ("ecdsa-sha2-nistp256", P256, 256, "SHA256:pGHXf1IALf7nJ32bvrD27qARAIJlnbCvlAdekFcQcro"),
    ("ecdsa-sha2-nistp384", P384, 384, "SHA256:u419LLifWxar1gXY3g3yFQQgj6OKdxVRAtazBL0E7+U"),
    ("ecdsa-sha2-nistp521", P521, 521, "SHA256:4TEhwov845MpWA4SipeRBMGClTGNlQCRiAfCwLPpXdE"),
]


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def key_of(*fields: bytes) -> str:
    return base64.b64encode(b"".join(map(field, fields))).decode()


@pytest.mark.parametrize(("kind", "encoded", "bits", "fingerprint"), KEYS)
def test_acc_06_the_form_of_openssh(kind: str, encoded: str, bits: int, fingerprint: str) -> None:
    key = parse_public_key(f" {kind}  {encoded} ann@office  at work\n")
    assert (key.type, key.bits, key.fingerprint) == (kind, bits, fingerprint)
    assert key.comment == "ann@office at work"
    assert str(key) == f"{kind} {encoded} ann@office at work"
    assert parse_public_key(f"{kind} {encoded}") == PublicKey(kind, key.blob, bits)


@pytest.mark.parametrize(("kind", "encoded", "bits", "fingerprint"), KEYS)
def test_acc_06_the_form_of_rfc_4716(kind: str, encoded: str, bits: int, fingerprint: str) -> None:
    key = parse_public_key(f"{kind} {encoded} ann@office")
    text = encode_rfc4716(key)
    assert parse_public_key(text) == key
    assert parse_public_key(text.replace("\n", "\r\n")) == key
    assert max(map(len, text.splitlines())) <= 72


def test_rfc_4716_headers() -> None:
    lines = "\n".join(P256[at : at + 64] for at in range(0, len(P256), 64))
    text = (
        "---- BEGIN SSH2 PUBLIC KEY ----\n"
        "Subject: ann\n"
        'comment: "256-bit ECDSA, made \\\n'
        "at the office: by \\\n"
        'ann"\n'
        "x-private: y\n"
        f"{lines}\n"
        "---- END SSH2 PUBLIC KEY ----"
    )
    assert parse_public_key(text).comment == "256-bit ECDSA, made at the office: by ann"


@pytest.mark.parametrize(
    "comment", ["x" * 200, "ann " + "é" * 90, "a" * 61 + "  b", 'a "b" \\ c\\', "\\"]
)
def test_long_and_odd_comments_come_back(comment: str) -> None:
    key = parse_public_key(f"ssh-ed25519 {ED25519} {comment}")
    assert parse_public_key(encode_rfc4716(key)) == key


def test_comments_are_cleaned() -> None:
    key = parse_public_key(f"ssh-ed25519 {ED25519} a\x1b[2Jb\u202ec{'x' * 500}")
    assert key.comment.startswith("a[2Jbcx")
    assert len(key.comment) == COMMENT_LENGTH_MAX


def test_security_keys() -> None:
    point = base64.b64decode(P256)[-65:]
    sk = key_of(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", point, b"ssh:")
    assert parse_public_key(f"sk-ecdsa-sha2-nistp256@openssh.com {sk}").bits == 256
    sk = key_of(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:")
    assert parse_public_key(f"sk-ssh-ed25519@openssh.com {sk} usb").bits == 256


def test_fips_mode_takes_no_ed25519() -> None:
    allowed = [
        kind
        for kind, encoded, *_ in KEYS
        if parse_public_key(f"{kind} {encoded}").is_allowed(is_fips=True)
    ]
    assert allowed == [kind for kind, *_ in KEYS if kind != "ssh-ed25519"]
    assert parse_public_key(f"ssh-ed25519 {ED25519}").is_allowed(is_fips=False)


MODULUS = b"\0" + b"\xff" * 256
POINT = base64.b64decode(P256)[-65:]
P256_TYPE = b"ecdsa-sha2-nistp256"
WRONG = [
    ("", "the key is missing"),
    (" \n ", "the key is missing"),
    ("x" * (KEY_TEXT_MAX + 1), "at most"),
    ("ssh-ed25519", "the key itself is missing"),
    (ED25519, "is no type of key"),
    ("\x1b]0;x", "is no type of key"),
    (f"ssh-ed25519 {ED25519}\nssh-ed25519 {ED25519}", "one key at a time"),
    (f"ssh-ed25519 {ED25519[:-3]}", "not base64"),
    (f"ssh-ed25519 {ED25519[:-4]}", "cut off"),
    ("ssh-ed25519 é", "not base64"),
    (f"ssh-rsa {ED25519}", "says of itself that it is 'ssh-ed25519'"),
    (f"ssh-rsa {RSA_1024}", "has 1024 bits"),
    ("ssh-dss AAAAB3NzaC1kc3M=", "too weak"),
    ("ssh-ed25519-cert-v01@openssh.com AAAA", "this is a certificate"),
    (f"no-pty ssh-ed25519 {ED25519}", "options"),
    (f'command="x" ssh-ed25519 {ED25519}', "options"),
    (f"from=10.0.0.1 ssh-ed25519 {ED25519}", "options"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nx", "this is a private key"),
    ("-----BEGIN RSA PRIVATE KEY-----", "this is a private key"),
    ("PuTTY-User-Key-File-3: x", "this is a private key"),
    ("-----BEGIN PUBLIC KEY-----\nx", "ssh-keygen -i"),
    ("---- BEGIN SSH2 PUBLIC KEY ----", "does not end"),
    ("---- BEGIN SSH2 PUBLIC KEY ----\nComment: a\\\n---- END SSH2 PUBLIC KEY ----", "cut off"),
    (
        "---- BEGIN SSH2 PUBLIC KEY ----\nX: " + "y" * 1100 + "\n---- END SSH2 PUBLIC KEY ----",
        "long",
    ),
    (f"ssh-ed25519 {key_of(b'ssh-ed25519', bytes(31))}", "32 bytes"),
    (f"ssh-ed25519 {key_of(b'ssh-ed25519', bytes(32), b'')}", "something behind"),
    (f"ssh-rsa {key_of(b'ssh-rsa', b'', MODULUS)}", "not written as it should be"),
    (f"ssh-rsa {key_of(b'ssh-rsa', bytes([0, 3]), MODULUS)}", "not written as it should be"),
    (f"ssh-rsa {key_of(b'ssh-rsa', bytes([255]), MODULUS)}", "not written as it should be"),
    (f"ssh-rsa {key_of(b'ssh-rsa', bytes([1]), MODULUS)}", "none that a key may have"),
    (f"ssh-rsa {key_of(b'ssh-rsa', bytes([4]), MODULUS)}", "none that a key may have"),
    (f"ssh-rsa {key_of(b'ssh-rsa', bytes([3]), MODULUS[:-1] + b'x' * 2000)}", "bits"),
    (f"{P256_TYPE.decode()} {key_of(P256_TYPE, b'nistp384', POINT)}", "not on the curve"),
    (f"{P256_TYPE.decode()} {key_of(P256_TYPE, b'nistp256', POINT[:-1])}", "no point"),
    (f"{P256_TYPE.decode()} {key_of(P256_TYPE, b'nistp256', bytes([2]) + POINT[1:])}", "no point"),
    (
        "sk-ssh-ed25519@openssh.com " + key_of(b"sk-ssh-ed25519@openssh.com", bytes(32), b""),
        "which",
    ),
]


@pytest.mark.parametrize(("text", "part"), WRONG, ids=range(len(WRONG)))
def test_texts_that_are_no_key(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        parse_public_key(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_old_keys_with_small_exponents_are_taken() -> None:
    assert parse_public_key(f"ssh-rsa {key_of(b'ssh-rsa', bytes([35]), MODULUS)}").bits == 2048
