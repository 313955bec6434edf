"""Makes and checks the tags of bounce verification (mailflow 7.6), and notes which keys are used.

Each worker has a small file of its own with the day on which it last used each key: administrators
purge by it. It is written once a day and key.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mailwarden.core.mail.bounce_tag import (
    KEYS_MAX,
    Checked,
    TagKey,
    TagKeys,
    check_recipient,
    strip_tag,
    tag_sender,
)
from mailwarden.core.policy.bounce_keys import fingerprint, parse_keys

USE_FILES: Final = "bounce-keys.used.*"
USE_FILE_SIZE_MAX: Final = 64 * 1024


class BounceTags:
    """All keys of one configuration. Times are epoch seconds."""

    __slots__ = ("_keys", "_uses")

    def __init__(self, keys: TagKeys, uses: "KeyUses") -> None:
        self._keys = keys
        self._uses: Final = uses

    def tag(self, sender: str, now: float) -> str:
        """Return the envelope sender that mail leaves with."""
        tagged = tag_sender(sender, self._keys, now)
        if tagged != sender:
            self._use(0, now)
        return tagged

    def check(self, sender: str, recipient: str, now: float, *, allow_untagged: bool) -> Checked:
        """Return what the tag of a recipient is worth."""
        checked = check_recipient(sender, recipient, self._keys, now, allow_untagged=allow_untagged)
        if checked.key >= 0:
            self._use(checked.key, now)
        return checked

    def strip(self, recipient: str, now: float) -> Checked:
        """Return the address without a tag of ours, whatever its age."""
        checked = strip_tag(recipient, self._keys)
        if checked.key >= 0:
            self._use(checked.key, now)
        return checked

    def _use(self, index: int, now: float) -> None:
        keys = self._keys.used(index, now)
        if keys is not self._keys:
            self._keys = keys
            self._uses.note(keys.keys[index], now)


class KeyUses:
    """When this worker last used each key, on disk."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._uses: Final = load_uses([path])

    def note(self, key: TagKey, now: float) -> None:
        """Keep that `key` is used; a disk that does not take it costs only that knowledge."""
        self._uses.pop(fingerprint(key), None)
        self._uses[fingerprint(key)] = int(now)
        while len(self._uses) > KEYS_MAX:
            del self._uses[next(iter(self._uses))]
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.write_text("".join(f"{name} {at}\n" for name, at in self._uses.items()))
            fresh.replace(self._path)
        except OSError:
            return


def load_keys(path: Path) -> TagKeys:
    """Return the keys in a file; none when it is missing.

    Raises:
        ValueError: something is wrong with it; the message names the line.
        OSError: it cannot be read.
    """
    try:
        return parse_keys(path.read_text("utf-8"))
    except FileNotFoundError:
        return TagKeys()


def load_uses(paths: Iterable[Path]) -> dict[str, int]:
    """Return the last use of each key, by fingerprint, over the files of all workers."""
    uses: dict[str, int] = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                lines = file.read(USE_FILE_SIZE_MAX).decode("ascii", "replace").split("\n")
        except OSError:
            continue
        for line in lines:
            name, _, at = line.partition(" ")
            if at.isascii() and at.isdigit() and len(at) <= 12:
                uses[name] = max(int(at), uses.get(name, 0))
    return uses
