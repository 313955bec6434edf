"""Cares for certificates: orders and renews them by ACME, and says when one runs out."""

import asyncio
import json
import random
import socket
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from mailwarden.app.management.host import Log
from mailwarden.app.wiring_hosts import dns_source
from mailwarden.control.answers.table import count_of, date_of
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.gateway import GatewayError
from mailwarden.core.alerts import CRITICAL, SYSTEM, WARNING
from mailwarden.services.certificates.acme.https import HttpsClient, authority_context
from mailwarden.services.certificates.acme.keeper import LOOK_SECONDS, AcmeKeeper
from mailwarden.services.certificates.acme.responders import Http01Responder
from mailwarden.services.certificates.expiry import CRITICAL_DAYS, ExpiryWatch, Watched, days_left
from mailwarden.services.certificates.facts import facts_of
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.tls import CertificateError
from mailwarden.system.crypto.validity import FILE_BYTES_MAX, parse_validities
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file

ACCOUNTS: Final = "acme"  # folder of the accounts with authorities
TOLD: Final = "certificates-told.json"  # of which days before the end people were told
EXPIRY_LOOK_SECONDS: Final = 3600.0
HAND_OUT: Final = {"command": "certificates_hand_out"}
TOLD_BYTES_MAX: Final = 1024 * 1024


class CertificateCare:
    """Works beside the administrators' sessions. `folder` is the management process's own."""

    def __init__(self, folder: Path, administration: Administration, log: Log) -> None:
        self._folder: Final = folder
        self._administration: Final = administration
        self._log: Final = log
        self._responder: Final = Http01Responder()
        self._sockets: Sequence[socket.socket] = ()
        self._resolver: CachingResolver | None = None
        self._keeper: AcmeKeeper | None = None
        self._watch: Final = ExpiryWatch(self, _load_told(folder / TOLD))
        self._changed: Final = asyncio.Event()  # there may be something to order
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._is_started = False

    def start(self) -> None:
        """Begin."""
        self._is_started = True
        self.listen(self._sockets)
        self.follow()

    async def run(self) -> None:
        """Order what is due and look what runs out, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._order())
            group.create_task(self._look())

    def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Answer authorities on these sockets, and on no others."""
        self._sockets = sockets
        if self._is_started:
            self._do(self._listen(sockets))

    def follow(self) -> None:
        """Go on by the configuration in force."""
        config = self._administration.config
        if not config.acme.directory:
            if self._keeper is not None:
                self._keeper.settings = config.acme
            return
        try:
            context = authority_context(config.authorities)
        except CertificateError as error:
            self._log(f"Certificates cannot be ordered: {error}", is_warning=True)
            return
        if self._keeper is None or self._resolver is None:
            self._keeper, self._resolver = self._make()
        else:
            self._resolver.apply(config.dns, dns_source(config))
        self._keeper.settings = config.acme
        self._keeper.asker = HttpsClient(self._resolver, context)
        self._changed.set()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._responder.close()
        if self._resolver is not None:
            self._resolver.close()

    # AcmeEvents

    def certificate_issued(self, name: str, ends_at: float) -> None:
        """Hand the new certificate to whoever uses it."""
        self._log(f"Certificate {name} was issued; it is valid until {date_of(ends_at)}")
        self._do(self._hand_out(name))

    def order_failed(self, name: str, reason: str, next_attempt_at: float) -> None:
        """Tell people."""
        text = (
            f"The certificate {name} cannot be had by ACME: {reason}; the next attempt is at "
            f"{date_of(next_attempt_at)}"
        )
        self._log(text, is_warning=True)
        self._administration.alerts.alert(WARNING, SYSTEM, text, f"acme {name}")

    # ExpiryAlerts

    def certificate_expires(self, name: str, days: int, *, is_critical: bool) -> None:
        """Tell people (CRT-09)."""
        when = f"expires in {count_of(days, 'day')}" if days else "expires today"
        if days < 0:
            when = f"has expired {count_of(-days, 'day')} ago"
        text = f"The certificate {name} {when}"
        self._log(text, is_warning=True)
        severity = CRITICAL if is_critical else WARNING
        self._administration.alerts.alert(severity, SYSTEM, text, f"certificate {name} {days}")

    def watched(self) -> Iterator[Watched]:
        """Yield the certificates of the configuration. What ACME renews is left until it is late.

        Those that cannot be read are told of where they are used.
        """
        config, now = self._administration.config, self._administration.clock.time()
        for name, files in config.certificates.items():
            try:
                if files.is_kept:
                    held = self._administration.certificates.load(name, files.fingerprint)
                    facts = facts_of(held.pair.certificate)
                    watched = Watched(name, facts.fingerprint, facts.ends_at)
                else:
                    watched = _in_file(name, files.certificate)
            except (KeyError, OSError, ValueError, CertificateRefusedError):
                continue
            is_renewed = name in config.acme.certificates
            if not is_renewed or days_left(watched.ends_at, now) <= CRITICAL_DAYS:
                yield watched

    def look_for_expiry(self) -> None:
        """Tell what runs out, each day once."""
        if self._watch.look(self.watched(), self._administration.clock.time()):
            content = json.dumps(self._watch.told).encode("ascii")
            try:
                files = SystemFiles()
                files.close(replace_file(files, str(self._folder / TOLD), [content]))
            except OSError as error:
                self._log(f"{TOLD} cannot be written: {error.strerror}", is_warning=True)

    # Loops.

    async def _order(self) -> None:
        while True:
            self._changed.clear()
            await self._order_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()

    async def _order_due(self) -> None:
        if self._keeper is None:
            return
        if self._keeper.settings.listens and not self._responder.is_listening:
            return  # the sockets are still to come
        try:
            await self._keeper.order_due()
        except OSError as error:
            self._log(f"Certificates cannot be kept: {error}", is_warning=True)

    async def _look(self) -> None:
        while True:
            self.look_for_expiry()
            await asyncio.sleep(EXPIRY_LOOK_SECONDS)

    async def _listen(self, sockets: Sequence[socket.socket]) -> None:
        await self._responder.close()
        for each in sockets:
            await self._responder.start(each)
        self._changed.set()

    async def _hand_out(self, name: str) -> None:
        try:
            async for answer in self._administration.gateway.ask(HAND_OUT):
                for problem in answer.get("problems", ()):
                    self._log(f"Certificate {name} is not used: {problem}", is_warning=True)
        except GatewayError as error:
            self._log(f"Certificate {name} is not used: {error}", is_warning=True)

    def _make(self) -> tuple[AcmeKeeper, CachingResolver]:
        administration, config = self._administration, self._administration.config
        resolver = CachingResolver(
            config.dns,
            loop=asyncio.get_running_loop(),
            clock=SystemClock(),
            randomness=random.SystemRandom(),
            source=dns_source(config),
        )
        keeper = AcmeKeeper(
            config.acme,
            administration.certificates,
            self._folder / ACCOUNTS,
            asker=HttpsClient(resolver, authority_context(config.authorities)),
            http=self._responder,
            events=self,
            clock=administration.clock,
            random=random.SystemRandom(),
        )
        return keeper, resolver

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _in_file(name: str, path: str) -> Watched:
    """Return a certificate of the administrator; raises OSError and ValueError."""
    with open(path, "rb") as file:
        content = file.read(FILE_BYTES_MAX)
    ends_at = min(validity.ends_at for validity in parse_validities(content))
    return Watched(name, sha256(content).hexdigest(), ends_at)


def _load_told(path: Path) -> dict[str, int]:
    """Return what was told before a restart; what is malformed counts as nothing."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(TOLD_BYTES_MAX))
        return {str(fingerprint): int(days) for fingerprint, days in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
