"""Alert mail that waits for its recipients, and when each of them is tried again.

It does no I/O. All times but `Mail.written_at` are monotonic seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mailwarden.core.mail.envelope import domain_of
from mailwarden.services.alerts.alert import Severity
from mailwarden.services.alerts.message import Mail

MAILS_MAX: Final = 500  # that wait; beyond it the least severe go, the oldest of them first
RETRY_SECONDS: Final = 60.0  # after the first attempt; doubled each time
RETRY_SECONDS_MAX: Final = 3600.0
LIFE_SECONDS: Final = 3 * 86_400.0

_RANK: Final = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFORMATION: 0}


@dataclass(slots=True, eq=False)
class Letter:
    """A mail on its way to one recipient."""

    mail: Mail
    address: str
    expires: float
    due: float  # when it is tried next
    attempts: int = 0  # that failed

    @property
    def domain(self) -> str:
        """Where it goes."""
        return domain_of(self.address)


class Outbox:
    """Letters, in the order in which they were written."""

    def __init__(self) -> None:
        self._letters: dict[Mail, list[Letter]] = {}
        self.dropped = 0  # mails that were left out because there were too many

    def add(self, mail: Mail, now: float) -> None:
        """Send `mail` to everybody it names."""
        self.restore(Letter(mail, to, now + LIFE_SECONDS, now) for to in mail.to)

    def restore(self, letters: Iterable[Letter]) -> None:
        """Go on with letters that were saved, those of a mail one after the other."""
        for letter in letters:
            self._letters.setdefault(letter.mail, []).append(letter)
        while len(self._letters) > MAILS_MAX:
            least = min(self._letters, key=lambda mail: _RANK[mail.severity])
            del self._letters[least]
            self.dropped += 1

    def due(self, now: float) -> dict[str, list[Letter]]:
        """Return what is to be tried now, by domain; of each mail the most severe come first."""
        found: dict[str, list[Letter]] = {}
        for letter in self.letters:
            if letter.due <= now:
                found.setdefault(letter.domain, []).append(letter)
        for letters in found.values():
            letters.sort(key=lambda letter: -_RANK[letter.mail.severity])
        return found

    def next_due(self) -> float | None:
        """Return when something is to be tried next; None is never."""
        return min((letter.due for letter in self.letters), default=None)

    def holds(self, letter: Letter) -> bool:
        """Whether it still waits: it may have been dropped."""
        return letter in self._letters.get(letter.mail, ())

    def remove(self, letter: Letter) -> None:
        """Forget a letter that has arrived, or that nobody takes."""
        letters = self._letters.get(letter.mail, [])
        if letter in letters:
            letters.remove(letter)
            if not letters:
                del self._letters[letter.mail]

    def postpone(self, letter: Letter, now: float) -> bool:
        """Try again later; False if it is too late for that, and the letter is gone."""
        if now >= letter.expires:
            self.remove(letter)
            return False
        letter.attempts += 1
        wait = min(RETRY_SECONDS * 2.0 ** min(letter.attempts - 1, 10), RETRY_SECONDS_MAX)
        letter.due = now + wait
        return True

    def keep_only(self, addresses: Iterable[str]) -> None:
        """Forget letters to others: who is no recipient any more gets nothing more."""
        kept = frozenset(addresses)
        for letter in self.letters:
            if letter.address not in kept:
                self.remove(letter)

    @property
    def letters(self) -> Sequence[Letter]:
        """All that wait."""
        return [letter for letters in self._letters.values() for letter in letters]

    def __len__(self) -> int:
        return sum(map(len, self._letters.values()))
