"""Fuzzes other tables of addresses: `python -m tests.fuzz.fuzz_address_tables -max_total_time=60`.

Sender exceptions, the global unsubscribe list and alternate sources.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.alt_sources import (
        AltSourceIndex,
        build_alt_sources,
        parse_alt_sources,
    )
    from mailwarden.core.policy.exceptions import (
        ExceptionIndex,
        build_exceptions,
        parse_exceptions,
    )
    from mailwarden.core.policy.sender_check import SenderAction, SenderRules, check_sender
    from mailwarden.core.policy.unsubscribe import (
        UnsubscribeIndex,
        build_unsubscribe,
        parse_unsubscribe,
    )

RULES = SenderRules(verify=True, use_exception_table=True)
TABLES = (
    (parse_exceptions, build_exceptions),
    (parse_unsubscribe, build_unsubscribe),
    (parse_alt_sources, build_alt_sources),
)


def test_one_input(data: bytes) -> None:
    """The whole input is the text of each table; its lines are also addresses."""
    text = data.decode("utf-8", "surrogateescape")
    for parse, build in TABLES:
        imported = parse(text)
        built = build(imported.table)
        again = parse(built)
        if again.problems or again.table != imported.table or build(again.table) != built:
            raise AssertionError(f"{text!r} gives {built!r}, and that something else")
    exceptions = ExceptionIndex(parse_exceptions(text).table)
    unsubscribed = UnsubscribeIndex(parse_unsubscribe(text).table)
    sources = AltSourceIndex(parse_alt_sources(text).table)
    for address in text.split("\n")[:20]:
        unsubscribed.find(address)
        unsubscribed.find_host(address)
        sources.find(address, address)
        decision = check_sender(address, RULES, exceptions)
        if (decision.reply is not None) != (decision.action is SenderAction.REJECT):
            raise AssertionError(f"{decision} is no decision")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
