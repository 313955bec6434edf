"""Files of keys read back, and any text is one or says why not."""

from hypothesis import example, given
from hypothesis import strategies as st

from mailwarden.core.mail.bounce_tag import KEYS_MAX, TagKeys
from mailwarden.core.policy.bounce_keys import build_keys, parse_keys

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=64)
LINES = st.builds(
    "{} {} {} {}".format,
    st.sampled_from(["0", "9", "x", "12"]),
    st.sampled_from(["2026-11-24T10:15:02Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-"]),
    st.sampled_from(["-", "2026-11-25T10:15:02Z", "tomorrow"]),
    st.sampled_from(["first-secret-1", "second-secret-2", "short", "größer-als-alles"]),
)


@given(st.lists(st.tuples(SECRETS, st.integers(0, 4_000_000_000)), max_size=KEYS_MAX + 3))
def test_keys_read_back(rotations: list[tuple[str, int]]) -> None:
    keys = TagKeys()
    for secret, now in rotations:
        keys = keys.rotate(secret.encode(), float(now))
    assert parse_keys(build_keys(keys)) == keys


@example("0 0001-01-01T00:00:00Z - first-secret-1")
@given(st.text() | st.lists(LINES, max_size=4).map("\n".join))
def test_any_text_is_a_file_of_keys_or_says_why_not(text: str) -> None:
    keys, said = TagKeys(), "line "
    try:
        keys = parse_keys(text)
    except ValueError as error:
        said = str(error)
    assert said.startswith("line ")
    assert parse_keys(build_keys(keys)) == keys
