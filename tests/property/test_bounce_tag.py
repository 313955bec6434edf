"""Tags come off as they went on, and nobody else's do, whatever the address."""

from hypothesis import assume, given
from hypothesis import strategies as st

from mailwarden.core.mail.bounce_tag import (
    Finding,
    TagKeys,
    check_recipient,
    is_taggable,
    strip_tag,
    tag_sender,
    verify_tag,
)

DAY = 86_400
NOW = st.integers(0, 4_000_000_000)
LOCALS = st.one_of(
    st.text(st.characters(exclude_characters="@"), min_size=1, max_size=20),
    st.text('abc=."', max_size=8).map('"{}"'.format),
    st.text("prvs=0", min_size=1, max_size=30).map("prvs={}".format),
)
ADDRESSES = st.builds("{}@{}".format, LOCALS, st.text("abc.", min_size=1, max_size=20))
ANYTHING = st.text(st.characters(codec=None)) | ADDRESSES


@given(ADDRESSES, NOW, st.integers(0, 7), st.binary(min_size=1, max_size=80))
def test_a_tag_is_good_for_a_week(address: str, now: int, days: int, secret: bytes) -> None:
    keys = TagKeys().rotate(secret, now)
    tagged = tag_sender(address, keys, now)
    assume(tagged != address)
    checked = verify_tag(tagged, keys, now + days * DAY)
    assert (checked.finding, checked.address) == (Finding.VALID, address)
    assert tag_sender(tagged, keys, now) == tagged
    assert len(tagged.rpartition("@")[0].encode("utf-8", "surrogatepass")) <= 64


@given(ADDRESSES, NOW, st.integers(8, 991))
def test_and_then_no_more(address: str, now: int, days: int) -> None:
    keys = TagKeys().rotate(b"secret", now)
    tagged = tag_sender(address, keys, now)
    assume(tagged != address)
    checked = check_recipient("", tagged, keys, now + days * DAY)
    assert (checked.finding, checked.address) == (Finding.EXPIRED, address)
    assert checked.is_invalid_bounce


@given(ANYTHING, NOW)
def test_any_address_has_a_finding(address: str, now: int) -> None:
    keys = TagKeys().rotate(b"one", now).rotate(b"two", now)
    tag_sender(address, keys, now)
    for checked in (strip_tag(address, keys), check_recipient("", address, keys, now)):
        if checked.finding is not Finding.VALID:
            assert checked.address == address
            assert checked.key == -1
        if checked.finding is Finding.UNTAGGABLE:
            assert not is_taggable(address)
