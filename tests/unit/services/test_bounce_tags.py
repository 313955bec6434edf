"""Tags, and the note of which keys are used."""

from pathlib import Path

import pytest

from mailwarden.core.mail.bounce_tag import Finding, TagKeys
from mailwarden.core.policy.bounce_keys import build_keys, fingerprint
from mailwarden.services.bounce_tags import BounceTags, KeyUses, load_keys, load_uses

DAY = 86_400
NOW = 20_000.0 * DAY
KEYS = TagKeys().rotate(b"first-secret-1", NOW - 30 * DAY).rotate(b"second-secret-2", NOW - DAY)
NEW, OLD = (fingerprint(key) for key in KEYS.keys)


def test_each_use_is_noted_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "bounce-keys.used.0"
    tags = BounceTags(KEYS, KeyUses(path))
    tagged = tags.tag("ann@corp.example", NOW)
    assert load_uses([path]) == {NEW: NOW}
    path.unlink()
    assert tags.check("", tagged, NOW + 60, allow_untagged=False).finding is Finding.VALID
    assert not path.exists()
    old = BounceTags(TagKeys(KEYS.keys[1:]), KeyUses(tmp_path / "x")).tag("ann@corp.example", NOW)
    assert tags.strip(old, NOW).address == "ann@corp.example"
    assert load_uses([path, tmp_path / "gone"]) == {NEW: NOW, OLD: NOW}


def test_what_is_not_tagged_uses_nothing(tmp_path: Path) -> None:
    tags = BounceTags(KEYS, KeyUses(tmp_path / "uses"))
    assert tags.tag("", NOW) == ""
    assert tags.check("", "ann@corp.example", NOW, allow_untagged=False).is_invalid_bounce
    assert not tags.check("", "ann@corp.example", NOW, allow_untagged=True).is_invalid_bounce
    assert tags.strip("ann@corp.example", NOW).address == "ann@corp.example"
    assert list(tmp_path.iterdir()) == []


def test_the_latest_use_counts_and_rubbish_does_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"k 100\nj 7\n\xff\xfe\n9\nm 99999999999999999\nn -4\n")
    (tmp_path / "b").write_bytes(b"k 300\nj 5")
    assert load_uses([tmp_path / "a", tmp_path / "b"]) == {"k": 300, "j": 7}


def test_a_disk_that_takes_nothing_costs_only_the_note(tmp_path: Path) -> None:
    tags = BounceTags(KEYS, KeyUses(tmp_path / "gone" / "uses"))
    assert tags.tag("ann@corp.example", NOW).startswith("prvs=ann=")


def test_keys_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bounce-keys"
    assert load_keys(path) == TagKeys()
    path.write_text(build_keys(KEYS))
    assert load_keys(path) == KEYS
    path.write_text("x")
    with pytest.raises(ValueError, match="line 1"):
        load_keys(path)
