"""The file of the keys of bounce verification."""

import pytest

from mailwarden.core.mail.bounce_tag import KEYS_MAX, TagKeys
from mailwarden.core.policy.bounce_keys import (
    build_keys,
    fingerprint,
    parse_keys,
    parse_secret,
    show_time,
)

DAY = 86_400
NOW = 20_000 * DAY + 3600
SECRETS = (b"first-secret-1", b"second-secret-2", b"third-secret-3")


def rotated(*secrets: bytes) -> TagKeys:
    keys = TagKeys()
    for number, secret in enumerate(secrets):
        keys = keys.rotate(secret, NOW + number * DAY)
    return keys


def test_keys_read_back() -> None:
    keys = rotated(*SECRETS)
    assert parse_keys(build_keys(keys)) == keys
    assert parse_keys(build_keys(TagKeys())) == TagKeys()


def test_what_an_administrator_sees() -> None:
    *_, current, replaced = build_keys(rotated(*SECRETS[:2])).splitlines()
    assert current == "1        2024-10-05T01:00:00Z  -                     second-secret-2"
    assert replaced == "0        2024-10-04T01:00:00Z  2024-10-05T01:00:00Z  first-secret-1"
    assert show_time(None) == "-"


def test_comments_and_empty_lines_are_passed_over() -> None:
    assert parse_keys("\n  # x\r\n\n").keys == ()


LINE = "0 2024-10-05T01:00:00Z - first-secret-1"
OLD = "0 2024-10-04T01:00:00Z 2024-10-05T01:00:00Z second-secret-2"
WRONG = [
    ("0 2024-10-05T01:00:00Z -", "line 1: a key has four words"),
    ("x 2024-10-05T01:00:00Z - first-secret-1", "line 1: a key begins with a digit"),
    ("0 yesterday - first-secret-1", "line 1: a time has the form"),
    ("0 0001-01-01T00:00:00Z - first-secret-1", "line 1: a time has the form"),
    ("0 2024-10-05T01:00:00Z - short", "line 1: a key has 12 to 64 ASCII letters"),
    (f"{LINE}\n{LINE}", "line 2: the current key stands first"),
    (OLD, "line 1: the first key is the current one"),
    (f"# x\n{LINE}\n{OLD}\n{OLD}", "line 4: this key is there twice"),
    (
        "\n".join([LINE, *(f"{OLD}{number}" for number in range(KEYS_MAX))]),
        f"line {KEYS_MAX + 1}: there are more than {KEYS_MAX} keys",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_wrong_names_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_keys(text)


def test_a_secret_is_one_word() -> None:
    assert parse_secret(" Zk3vTq1X0p9sLw8d\n") == b"Zk3vTq1X0p9sLw8d"
    for text in ("", "eleven-char", "with blank in it", "größer-als-alles", "x" * 65):
        with pytest.raises(ValueError, match="12 to 64 ASCII"):
            parse_secret(text)


def test_fingerprints_tell_keys_apart() -> None:
    names = {fingerprint(key) for key in rotated(*SECRETS).keys}
    assert len(names) == 3
    assert all(len(name) == 8 for name in names)
