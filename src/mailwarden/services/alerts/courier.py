"""Takes letters to their servers, each domain by itself, so that no slow one delays the others."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.services.alerts.alert import clean_line
from mailwarden.services.alerts.finder import Endpoint, Finder, NoServerError, NotSentError
from mailwarden.services.alerts.message import build_mail
from mailwarden.services.alerts.outbox import Letter, Outbox
from mailwarden.services.alerts.sending import Answer, Fate, Sender
from mailwarden.system.clock.clock import Clock

SERVERS_TRIED_MAX: Final = 5  # for one letter
ROUND_SECONDS: Final = 900.0  # for the letters of one domain; the rest is tried again later


class Log(Protocol):
    """Where is said what became of alerts; `MailLog` is one."""

    def info(self, text: str) -> None:
        """Say that something normal happened."""
        ...

    def warning(self, text: str) -> None:
        """Say that something deserves a look."""
        ...


class Courier:
    """Sends what is due. `hostname` and `sender`, the From, may be changed at any time."""

    def __init__(
        self,
        outbox: Outbox,
        finder: Finder,
        sender: Sender,
        log: Log,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called whenever something became of a letter, or a domain is free again."""
        self._outbox: Final = outbox
        self._finder: Final = finder
        self._sender: Final = sender
        self._log: Final = log
        self._clock: Final = clock
        self._changed: Final = changed
        self._busy: set[str] = set()  # domains
        self.hostname = ""
        self.sender = ""

    def start_due(self, group: asyncio.TaskGroup) -> None:
        """Start to send what is due, but for domains that are busy; tasks go into `group`."""
        for domain, letters in self._outbox.due(self._clock.monotonic()).items():
            if domain not in self._busy:
                self._busy.add(domain)
                group.create_task(self._serve(domain, letters))

    def next_due(self) -> float | None:
        """Return when something is due at a domain that is not busy (monotonic seconds)."""
        times = (x.due for x in self._outbox.letters if x.domain not in self._busy)
        return min(times, default=None)

    async def _serve(self, domain: str, letters: list[Letter]) -> None:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await self._send_all(domain, letters)
        except TimeoutError:
            self._put_off(letters, "its servers are too slow")
        finally:
            self._busy.discard(domain)
            self._changed()

    async def _send_all(self, domain: str, letters: list[Letter]) -> None:
        try:
            endpoints = await self._finder.find(domain)
        except NotSentError as error:
            for letter in letters:
                self._give_up(letter, str(error))
            return
        except NoServerError as error:
            self._put_off(letters, str(error))
            return
        while letters:
            letter = letters[0]
            if self._outbox.holds(letter):
                answer, endpoint = await self._send(letter, endpoints)
                if answer.fate is Fate.FAILED:  # as it would be with the others
                    self._put_off(letters, f"{endpoint}: {answer.words}")
                    return
                self._settle(letter, answer, endpoint)
                self._changed()
            letters.pop(0)

    async def _send(
        self, letter: Letter, endpoints: tuple[Endpoint, ...]
    ) -> tuple[Answer, Endpoint]:
        """Return the answer of the first server that did not fail, or else of the last one."""
        content = build_mail(letter.mail, self.sender, self.hostname)
        answer, endpoint = Answer(Fate.FAILED, ""), endpoints[0]
        for endpoint in endpoints[:SERVERS_TRIED_MAX]:
            answer = await self._sender.send(
                endpoint, letter.address, content, self.hostname, letter.mail.written_at
            )
            if answer.fate is not Fate.FAILED:
                break
        return answer, endpoint

    def _settle(self, letter: Letter, answer: Answer, endpoint: Endpoint) -> None:
        if answer.fate is Fate.REFUSED:
            self._give_up(letter, f"{endpoint}: {answer.words}")
            return
        self._outbox.remove(letter)
        self._log.info(f"Alert sent to {letter.address} at {endpoint}: {_named(letter)}")

    def _put_off(self, letters: list[Letter], reason: str) -> None:
        now = self._clock.monotonic()
        for letter in letters:
            if not self._outbox.holds(letter):
                continue
            if not self._outbox.postpone(letter, now):
                self._log.warning(f"Alert to {letter.address} given up, too old: {_named(letter)}")
            elif letter.attempts == 1:
                self._log.warning(f"Alert to {letter.address} has to wait: {reason}")

    def _give_up(self, letter: Letter, reason: str) -> None:
        self._outbox.remove(letter)
        self._log.warning(f"Alert to {letter.address} not sent: {reason}: {_named(letter)}")


def _named(letter: Letter) -> str:
    return clean_line(letter.mail.subject, 2 * SHOWN_LENGTH_MAX)
