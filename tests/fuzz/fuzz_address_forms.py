"""Fuzzes forms of addresses: `python -m tests.fuzz.fuzz_address_forms -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy", "mailwarden.core.mail"]):
    from mailwarden.core.policy.address_forms import (
        NOWHERE,
        AddressSearch,
        build_form,
        parse_bare_form,
        parse_form,
        parse_form_or_ip,
    )

FORMS = ["bob@", "@.corp.example", "ALL", "bob@corp.example", "@xn--bcher-kva.example"]
SEARCH = AddressSearch(FORMS)


def test_one_input(data: bytes) -> None:
    """The whole input is a form, and an address that is looked for."""
    text = data.decode("utf-8", "surrogateescape")
    if NOWHERE in (SEARCH.find_first(text), SEARCH.find_specific(text)):
        raise AssertionError(f"{text!r} does not even match ALL")
    for parse in (parse_form, parse_bare_form, parse_form_or_ip):
        try:
            form = parse(text)
        except ValueError:
            continue
        if parse(form) != form or parse(build_form(form)) != form:
            raise AssertionError(f"{text!r} gives {form!r}, and that something else")
        is_address = parse is parse_form and form[0] != "@" and form[-1] != "@"
        if is_address and AddressSearch([form]).find_first(form) != 0:
            raise AssertionError(f"{form!r} does not match itself")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
