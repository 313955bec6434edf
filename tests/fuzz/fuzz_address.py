"""Fuzzes the address parser: `python -m tests.fuzz.fuzz_address -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.mail"]):
    from mailwarden.core.mail.address import (
        AddressError,
        AddressRules,
        ParserMode,
        SourceRouting,
        parse_path,
        to_ascii,
    )


def rules_of(bits: int) -> AddressRules:
    """Return one of 64 sets of rules."""
    return AddressRules(
        mode=ParserMode.STRICT if bits & 1 else ParserMode.LOOSE,
        allow_8bit_local=not bits & 2,
        allow_8bit_domain=not bits & 4,
        allow_partial_domain=not bits & 8,
        source_routing=SourceRouting.REJECT if bits & 16 else SourceRouting.STRIP,
        reject_local_characters="" if bits & 32 else "%!:@",
        address_literals=("192.0.2.1", "2001:db8::1"),
    )


def test_one_input(data: bytes) -> None:
    """The first byte chooses the rules, the others are the argument."""
    bits = data[0] if data else 0
    rules, sender = rules_of(bits), bool(bits & 64)
    default = "corp.example" if bits & 128 else ""
    argument = data[1:].decode("utf-8", "surrogateescape")
    try:
        address, _ = parse_path(argument, rules, sender=sender, default_domain=default)
    except AddressError:
        return
    again = parse_path(f"<{address}>", rules, sender=sender)
    if again != (address, ""):
        raise AssertionError(f"{argument!r} gives {address!r}, and that {again!r}")
    try:
        to_ascii(address)
    except AddressError:
        return


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
