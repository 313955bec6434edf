"""Tags of bounce verification (mailflow 7.6)."""

import hashlib
import hmac

import pytest

from mailwarden.core.mail.bounce_tag import (
    KEYS_MAX,
    Checked,
    Finding,
    Purge,
    TagKey,
    TagKeys,
    check_recipient,
    is_auto_reply,
    is_taggable,
    strip_tag,
    tag_sender,
    verify_tag,
)

DAY = 86_400
NOW = 14_922 * DAY + 36_902.0  # Tue, 09 Nov 2010 10:15:02; the day is number 922
ANN = "ann@corp.example"
KEYS = TagKeys().rotate(b"secret", NOW)
TAGGED = tag_sender(ANN, KEYS, NOW)


def test_row_78_form_of_a_tag() -> None:
    mac = hmac.new(b"secret", b"0929ann@corp.example", hashlib.sha1).hexdigest()[:6]
    assert f"prvs=ann=0929{mac}@corp.example" == TAGGED


def test_row_78_bounces_of_tagged_mail_and_of_other() -> None:
    later = NOW + DAY
    assert check_recipient("", TAGGED, KEYS, later) == Checked(Finding.VALID, ANN, 0)
    assert check_recipient("", ANN, KEYS, later).is_invalid_bounce
    assert not check_recipient("", ANN, KEYS, later, allow_untagged=True).is_invalid_bounce
    assert check_recipient("", ANN, KEYS, later).address == ANN


def test_row_79_a_tag_of_eight_days() -> None:
    later = NOW + 8 * DAY
    assert check_recipient("", TAGGED, KEYS, later) == Checked(Finding.EXPIRED, ANN, 0, True)
    sender = "bob@partner.example"
    assert check_recipient(sender, TAGGED, KEYS, later) == Checked(Finding.VALID, ANN, 0)


AGES = [
    (-2, Finding.EXPIRED),
    (-1, Finding.VALID),  # another gateway's clock
    (0, Finding.VALID),
    (7, Finding.VALID),
    (8, Finding.EXPIRED),
    (500, Finding.EXPIRED),
    (998, Finding.EXPIRED),
]


@pytest.mark.parametrize("start", [14_922, 14_992, 14_993, 14_999, 15_000])
@pytest.mark.parametrize(("age", "finding"), AGES)
def test_days_are_counted_around_a_thousand(start: int, age: int, finding: Finding) -> None:
    made = start * DAY + 5.0
    keys = TagKeys().rotate(b"secret", made)
    tagged = tag_sender(ANN, keys, made)
    assert tagged[len("prvs=ann=0") :][:3] == f"{(start + 7) % 1000:03}"
    assert verify_tag(tagged, keys, made + age * DAY).finding is finding


SAME = [
    "",
    "postmaster",
    TAGGED,
    "PRVS=ann=0929ABCDEF@corp.example",
    f"{'a' * 49}@corp.example",
    f"{'ü' * 25}@corp.example",
    f"a@{'b' * 240}",
    '""@corp.example',
    "@corp.example",
]


@pytest.mark.parametrize("address", SAME)
def test_what_stays_as_it_is(address: str) -> None:
    assert tag_sender(address, KEYS, NOW) == address
    assert tag_sender(ANN, TagKeys(), NOW) == ANN


TAKEN = [
    ("Ann@corp.example", "prvs=Ann=", "@corp.example"),
    (f"{'a' * 48}@corp.example", f"prvs={'a' * 48}=", "@corp.example"),
    ('"ann lee"@corp.example', '"prvs=ann lee=', '"@corp.example'),
    ('"a@b"@corp.example', '"prvs=a@b=', '"@corp.example'),
    ('"a@corp.example', 'prvs="a=', "@corp.example"),
    ("a=b@corp.example", "prvs=a=b=", "@corp.example"),
    ("ann@[192.0.2.1]", "prvs=ann=", "@[192.0.2.1]"),
    ("prvs=0929abcdef=ann@corp.example", "prvs=prvs=0929abcdef=ann=", "@corp.example"),
    ("prvs=ann=092@corp.example", "prvs=prvs=ann=092=", "@corp.example"),
    ("a\udcff@corp.example", "prvs=a\udcff=", "@corp.example"),
]


@pytest.mark.parametrize(("address", "start", "end"), TAKEN)
def test_addresses_come_back(address: str, start: str, end: str) -> None:
    tagged = tag_sender(address, KEYS, NOW)
    assert tagged.startswith(start)
    assert tagged.endswith(end)
    assert len(tagged) == len(address) + 16
    assert verify_tag(tagged, KEYS, NOW) == Checked(Finding.VALID, address, 0)


def test_a_tag_survives_a_change_of_case() -> None:
    loud = TAGGED.replace("ann", "ANN").replace("prvs", "PRVS")
    local, _, domain = loud.rpartition("@")
    shouted = f"{local.upper()}@{domain}"
    assert verify_tag(shouted, KEYS, NOW) == Checked(Finding.VALID, "ANN@corp.example", 0)


def test_a_tag_is_for_one_address_and_one_day() -> None:
    tag = TAGGED[len("prvs=ann=") :].partition("@")[0]
    for forged in (
        f"prvs=bob={tag}@corp.example",
        f"prvs=ann={tag}@other.example",
        f"prvs=ann=1{tag[1:]}@corp.example",
        f"prvs=ann={tag[0]}930{tag[4:]}@corp.example",
        f"prvs=ann={tag[:9]}{'0' if tag[9] != '0' else '1'}@corp.example",
    ):
        assert verify_tag(forged, KEYS, NOW) == Checked(Finding.BAD, forged)
        assert check_recipient("", forged, KEYS, NOW).is_invalid_bounce
        assert not check_recipient("a@b.example", forged, KEYS, NOW).is_invalid_bounce


def test_what_cannot_be_tagged_is_not_held_against_its_bounces() -> None:
    long = f"{'a' * 49}@corp.example"
    assert not is_taggable(long)
    assert check_recipient("", long, KEYS, NOW) == Checked(Finding.UNTAGGABLE, long)


def test_without_keys_nothing_is_verified() -> None:
    assert not check_recipient("", ANN, TagKeys(), NOW).is_invalid_bounce
    assert check_recipient("", TAGGED, TagKeys(), NOW).address == TAGGED


def test_an_old_key_is_good_for_seven_days_and_for_stripping_for_ever() -> None:
    keys = KEYS.rotate(b"next", NOW)
    assert tag_sender(ANN, keys, NOW).startswith("prvs=ann=1929")
    assert verify_tag(TAGGED, keys, NOW + 7 * DAY - 1) == Checked(Finding.VALID, ANN, 1)

    # A tag that the key made on a later day, on a gateway that was told of the change late.
    late = tag_sender(ANN, KEYS, NOW + 5 * DAY)
    assert verify_tag(late, keys, NOW + 6 * DAY).finding is Finding.VALID
    assert verify_tag(late, keys, NOW + 7 * DAY).finding is Finding.EXPIRED
    assert strip_tag(late, keys) == Checked(Finding.VALID, ANN, 1)


def test_gateways_that_number_their_keys_differently_agree() -> None:
    other = TagKeys((TagKey(b"secret", 7, NOW),))
    assert verify_tag(tag_sender(ANN, other, NOW), KEYS, NOW).finding is Finding.VALID


def test_rotation() -> None:
    keys = KEYS
    for number in range(40):
        keys = keys.rotate(b"key %d" % number, NOW + number)
    assert len(keys.keys) == KEYS_MAX
    assert [key.retired_at for key in keys.keys[:3]] == [None, NOW + 39, NOW + 38]
    assert [key.digit for key in keys.keys[:3]] == [0, 9, 8]
    assert keys.rotate(b"key 39", NOW + 99) is keys

    again = keys.rotate(b"key 37", NOW + 50)
    assert [key.secret for key in again.keys[:3]] == [b"key 37", b"key 39", b"key 38"]
    assert [key.retired_at for key in again.keys[:3]] == [None, NOW + 50, NOW + 39]


def test_use_is_noted_once_a_day() -> None:
    keys = KEYS.rotate(b"next", NOW)
    assert keys.used(1, NOW + 100) is keys
    later = keys.used(1, NOW + 2 * DAY)
    assert [key.used_at for key in later.keys] == [NOW, NOW + 2 * DAY]
    assert later.keys[1].retired_at == NOW


def test_purge() -> None:
    keys = KEYS.rotate(b"second", NOW + 100 * DAY).rotate(b"third", NOW + 200 * DAY)
    now = NOW + 291 * DAY
    assert len(keys.purge(Purge.YEAR, now).keys) == 3
    assert [key.secret for key in keys.purge(Purge.SIX_MONTHS, now).keys] == [b"third", b"second"]
    assert [key.secret for key in keys.purge(Purge.MONTH, now).keys] == [b"third"]
    assert [key.secret for key in keys.purge(Purge.ALL, NOW + 200 * DAY).keys] == [b"third"]
    used = keys.used(2, now - DAY)
    assert [key.secret for key in used.purge(Purge.MONTH, now).keys] == [b"third", b"secret"]
    assert TagKeys().purge(Purge.ALL, now) == TagKeys()


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(KEYS).replace("secret=", "")


REPLIES = [
    ([("Auto-Submitted", " auto-replied (vacation)\r\n")], True),
    ([("auto-submitted", "auto-generated")], False),
    ([("X-Autoreply", "yes")], True),
    ([("X-Autoreply", "no")], False),
    ([("Precedence", "auto_reply")], True),
    ([("Precedence", "bulk")], False),
    ([("Auto-Submitted", "auto-replied"), ("Content-Type", "multipart/report; x=y")], False),
    ([("Content-Type", "Message/Delivery-Status"), ("Auto-Submitted", "auto-replied")], False),
    ([("Auto-Submitted", "auto-replied"), ("X-Failed-Recipients", "a@b.example")], False),
    ([("Auto-Submitted", "auto-replied"), ("Content-Type", "text/plain")], True),
    ([("Subject", "x")] * 1000 + [("Auto-Submitted", "auto-replied")], False),
    ([], False),
]


@pytest.mark.parametrize(("fields", "is_reply"), REPLIES)
def test_answers_of_programs(fields: list[tuple[str, str]], is_reply: bool) -> None:
    assert is_auto_reply(fields) is is_reply
