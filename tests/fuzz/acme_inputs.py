"""What any bytes of an ACME server have to come to: a value, or a named error."""

import contextlib
from collections.abc import Callable

from mailwarden.services.certificates.acme.documents import (
    parse_authorization,
    parse_directory,
    parse_order,
    parse_problem,
    retry_after,
)
from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.https import parse_answer
from mailwarden.services.certificates.acme.keeper import back_off_state
from mailwarden.services.certificates.acme.responders import Http01Responder

PARSERS: tuple[Callable[[bytes], object], ...] = (
    parse_directory,
    parse_order,
    parse_authorization,
)
NOW = 1_800_000_000.0


def one_input(data: bytes) -> None:
    """Give `data` to every reader."""
    for parse in PARSERS:
        with contextlib.suppress(AcmeError):
            parse(data)
    assert str(parse_problem(500, {}, data, NOW)).isprintable()
    assert 0 <= retry_after({"retry-after": data.decode("latin-1")}, NOW) <= 604_800
    with contextlib.suppress(ValueError):
        answer = parse_answer(data, "POST")
        assert answer.body in data or b"chunked" in data.lower()
    back_off_state(data)
    assert Http01Responder().answer(data).startswith(b"HTTP/1.1 404 ")
