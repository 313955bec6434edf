"""Fuzzes the recipient access table: `python -m tests.fuzz.fuzz_rat -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.rat import RatAction, RatIndex, rat_reply
    from mailwarden.core.policy.rat_reread import reread_rat
    from mailwarden.core.policy.rat_text import build_rat, parse_rat


def test_one_input(data: bytes) -> None:
    """The whole input is the text; its lines are also recipients."""
    text = data.decode("utf-8", "surrogateescape")
    imported = parse_rat(text)
    built = build_rat(imported.table)
    again = parse_rat(built)
    if again.problems or again.table != imported.table or build_rat(again.table) != built:
        raise AssertionError(f"{text!r} gives {built!r}, and that something else")
    middle = len(text) // 2
    for other in (
        text[:middle],
        text[middle:],
        f"{text[:middle]}\nx.example ACCEPT\n{text[middle:]}",
    ):
        if reread_rat(text, imported, other) != parse_rat(other):
            raise AssertionError(f"{other!r} reads in two ways behind {text!r}")
    index = RatIndex(imported.table)
    for recipient in text.split("\n")[:20]:
        entry = index.find(recipient)
        code = rat_reply(entry, recipient).code
        if (code < 300) != (entry.action is RatAction.ACCEPT) or 300 <= code < 400:
            raise AssertionError(f"{entry} answers {code}")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
