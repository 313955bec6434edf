"""Fuzzes what next hops answer when they want less: `python -m tests.fuzz.fuzz_back_off`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.back_off import BackOff, read_reply
    from mailwarden.core.policy.mail_providers import roll_up


def test_one_input(data: bytes) -> None:
    """Each line is a reply: a byte for the time that passed, one for its code, and its text."""
    first, *lines = data.split(b"\n")
    key = roll_up(first.decode("utf-8", "replace").split(","))
    state, now = BackOff(key), 0.0
    for line in lines:
        if len(line) < 2:
            state.delivered()
            continue
        now += line[0]
        asked = read_reply(400 + line[1], [line[2:].decode("utf-8", "replace")], key)
        if asked is not None:
            state.slow_down(asked, now, connections=line[0], messages=line[1])
        found = state.allowance(now, 500, 50)
        if not (1 <= found.connections <= 500 and 1 <= found.messages <= 50):
            raise AssertionError(found)
        if found.per_minute < 1 or "\n" in state.explain(now):
            raise AssertionError(state.explain(now))
    state.delivered()
    if not state.is_over(now + 86_400.0, 500, 50):
        raise AssertionError(state.explain(now))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
