"""Fuzzes answers of RADIUS servers: `python -m tests.fuzz.fuzz_radius`."""

import contextlib
import hashlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.access.radius"]):
    from mailwarden.core.access.radius import (
        Attribute,
        Login,
        Method,
        build_request,
        parse_packet,
        parse_response,
        reveal_password,
    )

SECRET = b"secret"
REQUEST = build_request(Login(b"ann", b"pass", b"gw"), SECRET, Method.PAP, 7, bytes(16))


def test_one_input(data: bytes) -> None:
    """The input is an answer, as it is and with a right authenticator of its own."""
    with contextlib.suppress(ValueError):
        for hidden in parse_packet(data).values(Attribute.USER_PASSWORD):
            reveal_password(hidden, SECRET, bytes(16))
    head = b"\x02\x07" + (20 + len(data)).to_bytes(2, "big") if len(data) < 4076 else b""
    signed = head + hashlib.md5(head + bytes(16) + data + SECRET).digest() + data
    for answer in (data, signed):
        with contextlib.suppress(ValueError):
            parse_response(answer, REQUEST, SECRET)
            raise AssertionError(answer)  # nobody guesses the Message-Authenticator


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
