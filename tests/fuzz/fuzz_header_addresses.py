"""Fuzzes addresses in headers: `python -m tests.fuzz.fuzz_header_addresses -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.mail"]):
    from mailwarden.core.mail.header_addresses import rewrite_header


def outer(address: str) -> str | None:
    """Give everybody the same domain, unless the address gets too long."""
    if len(address.encode("utf-8", "surrogateescape")) > 200:
        return None
    if "@" not in address or address.endswith('"'):
        return f"{address}@out.example"
    return f"{address[: address.rfind('@')]}@out.example"


def test_one_input(data: bytes) -> None:
    """The whole input is what follows `To:`; what was rewritten is not rewritten again."""
    result = rewrite_header(b"To:" + data, outer)
    again = rewrite_header(result.block, outer)
    if again.changes or again.unread != result.unread:
        raise AssertionError(f"{data!r} gives {result.block!r}, and that {again!r}")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
