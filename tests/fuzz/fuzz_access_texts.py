"""Fuzzes hashes, accounts and access lists: `python -m tests.fuzz.fuzz_access_texts`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.access"]):
    from mailwarden.core.access.access_list import (
        AccessList,
        AccessMode,
        NetworkAccess,
        Origin,
        parse_sources,
    )
    from mailwarden.core.access.account_text import encode_account, parse_account
    from mailwarden.core.access.password_hash import parse_password_hash
    from mailwarden.core.access.password_policy import PasswordPolicy, password_problems

STRICT = PasswordPolicy(upper_and_lower=True, digit=True, special=True)
LIST = AccessList(
    NetworkAccess(mode=AccessMode.PROXY, addresses=("10.0.0.0/8",), proxies=("192.0.2.1",))
)


def test_one_input(data: bytes) -> None:
    """The input is taken for one after the other."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        if str(parse_password_hash(text)) != text:
            raise AssertionError(data)
    with contextlib.suppress(ValueError):
        account = parse_account(data)
        if parse_account(encode_account(account)) != account:
            raise AssertionError(data)
    with contextlib.suppress(ValueError):
        entries = parse_sources(text)
        if parse_sources(",".join(entries)) != entries:
            raise AssertionError(data)
        AccessList(NetworkAccess(addresses=entries))
    LIST.decide(Origin("192.0.2.1", [text]))
    list(password_problems(STRICT, "ann", text))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
