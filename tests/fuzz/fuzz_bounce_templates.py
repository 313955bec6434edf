"""Fuzzes templates of reports: `python -m tests.fuzz.fuzz_bounce_templates`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy.bounce_templates"]):
    from mailwarden.core.policy.bounce_templates import (
        VARIABLES,
        Wording,
        expand,
        parse_languages,
        unknown_variables,
    )


def test_one_input(data: bytes) -> None:
    """The input is a subject and a text, with NUL between them."""
    head, _, tail = data.partition(b"\0")
    subject, text = (part.decode("utf-8", "surrogateescape") for part in (head, tail))
    parse_languages(subject)
    unknown_variables(text)
    wording = expand(Wording(subject, text), {name.lower(): subject[:400] for name in VARIABLES})
    if not all(c >= " " for c in wording.subject):
        raise AssertionError(wording.subject)
    lines = wording.text.encode("utf-8").split(b"\r\n")
    if lines[-1] or any(b"\n" in line or b"\r" in line or len(line) > 998 for line in lines):
        raise AssertionError(wording.text)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
