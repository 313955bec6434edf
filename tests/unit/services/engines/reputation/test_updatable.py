"""Reputation rules as a component of updates."""

from pathlib import Path

import pytest

from mailwarden.services.engines.reputation.settings import FeedSettings
from mailwarden.services.engines.reputation.signature import HmacVerifier
from mailwarden.services.engines.reputation.updatable import check_rules, make_confirm

KEY = b"k" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "current"
    made.mkdir()
    content = b"192.0.2.0/24 -5.0\n"
    (made / "scores.txt").write_bytes(content)
    (made / "scores.txt.sig").write_text(HmacVerifier(KEY).sign(content))
    (tmp_path / "key").write_bytes(KEY)
    return made


def feed(folder: Path, key: str = "key") -> FeedSettings:
    return FeedSettings(
        name="rules", path=str(folder / "scores.txt"), key_file=str(folder.parent / key)
    )


def test_rules_that_are_right(folder: Path) -> None:
    check_rules(folder)


def test_rules_that_are_not(folder: Path) -> None:
    (folder / "scores.txt").write_bytes(b"192.0.2.0/24 -5.0\nno feed\n")
    with pytest.raises(ValueError, match=r"scores.txt: line 2: 'no' is neither"):
        check_rules(folder)


def test_rules_without_a_signature(folder: Path) -> None:
    (folder / "scores.txt.sig").unlink()
    with pytest.raises(ValueError, match=r"has no signature, scores.txt.sig"):
        check_rules(folder)


def test_no_rules_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no feed in it"):
        check_rules(tmp_path)


async def test_workers_would_take_what_their_key_fits(folder: Path) -> None:
    await make_confirm(lambda: [feed(folder)])(folder)


async def test_they_would_not_take_what_it_does_not(folder: Path) -> None:
    (folder.parent / "key").write_bytes(b"x" * 32)
    with pytest.raises(ValueError, match="feed rules: the signature does not fit"):
        await make_confirm(lambda: [feed(folder)])(folder)


async def test_a_key_that_is_missing_is_no_key_that_fits(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"feed rules: .*No such file"):
        await make_confirm(lambda: [feed(folder, "missing")])(folder)


async def test_feeds_from_elsewhere_do_not_matter(folder: Path, tmp_path: Path) -> None:
    await make_confirm(lambda: [feed(tmp_path / "elsewhere")])(folder)
