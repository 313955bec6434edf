"""Any bytes from a name server give an answer or a named error. Run: `fuzz_dns.py [corpus]`."""

import contextlib
import sys
from typing import Final

from mailwarden.system.dns.answers import Finding, Lifetimes, State, find
from mailwarden.system.dns.names import decode_host, encode_name
from mailwarden.system.dns.resolver import MxHost
from mailwarden.system.dns.servers import parse_resolv_conf
from mailwarden.system.dns.wire import RECORDS_MAX, WireError, parse_message

LIFETIMES: Final = Lifetimes(86400, 900)


def check_answer(data: bytes) -> Finding | None:
    """Read `data` as an answer; check that what comes out is within its limits."""
    try:
        message = parse_message(data)
        finding = find(message, 1000.0, LIFETIMES)
    except WireError:
        return None
    assert len(message.answers) <= RECORDS_MAX
    assert 1000.0 <= finding.expires_at <= 1000.0 + 86400
    if finding.state is State.ALIAS:
        (target,) = finding.values
        assert len(target) <= 255
        return finding
    assert len(finding.values) <= RECORDS_MAX
    for value in finding.values:
        host = value.host if isinstance(value, MxHost) else value
        if isinstance(host, str) and host and ":" not in host:
            assert decode_host(encode_name(host)) == host
    return finding


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    check_answer(data)
    with contextlib.suppress(ValueError):
        encode_name(data.decode("utf-8", "surrogateescape"))
    parse_resolv_conf(data.decode("utf-8", "replace"))


def main() -> None:
    """Fuzz until stopped."""
    import atheris  # noqa: PLC0415  it patches the interpreter when imported

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
