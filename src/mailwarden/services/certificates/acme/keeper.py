"""Orders certificates when they are due, and tries again with patience when that fails."""

import asyncio
import hashlib
import json
from pathlib import Path
from random import Random
from typing import Final, Protocol

from mailwarden.services.certificates.acme.client import AcmeClient, Asker, Sleep
from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.jws import AccountKey
from mailwarden.services.certificates.acme.proof import Responder
from mailwarden.services.certificates.acme.responders import DnsHook
from mailwarden.services.certificates.acme.settings import (
    AcmeCertificate,
    AcmeSettings,
    ChallengeType,
)
from mailwarden.services.certificates.facts import names_of
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.opener import Form, open_material
from mailwarden.services.certificates.opening import Material
from mailwarden.services.certificates.pair import Pair, join_pair
from mailwarden.services.certificates.requests import (
    Wanted,
    make_key,
    make_request,
)
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file

LOOK_SECONDS: Final = 60.0  # between calls of `order_due`
ORDER_SECONDS_MIN: Final = 43_200.0  # between orders, whatever a certificate says of its dates
RETRY_SECONDS: Final = 3600.0  # after the first failure; then twice as long each time
RETRY_SECONDS_MAX: Final = 86_400.0
STATE_BYTES_MAX: Final = 1024 * 1024

_STATE: Final = "orders.json"
_PART_LEFT: Final = 3  # a certificate is renewed when a third of its time is left
_JITTER: Final = 0.1  # lest all gateways of the world come at the same second


class AcmeEvents(Protocol):
    """Who is told."""

    def certificate_issued(self, name: str, ends_at: float) -> None:
        """There is a new certificate under `name`: whoever uses it needs it now."""
        ...

    def order_failed(self, name: str, reason: str, next_attempt_at: float) -> None:
        """There is none; times are seconds since the epoch."""
        ...


class AcmeKeeper:
    """Keeps the certificates of `AcmeSettings.certificates` in a store.

    `folder` is for the account's key and for what failed; for the owner only.
    """

    def __init__(
        self,
        settings: AcmeSettings,
        store: CertificateStore,
        folder: Path,
        *,
        asker: Asker,
        http: Responder,
        events: AcmeEvents,
        clock: Clock,
        random: Random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Read what is known of earlier orders.

        Raises:
            OSError: the folder cannot be used.
        """
        self.settings = settings  # may be replaced at any time
        self.asker = asker  # as well
        self._store: Final = store
        self._folder: Final = folder
        self._http: Final = http
        self._events: Final = events
        self._clock: Final = clock
        self._random: Final = random
        self._sleep: Final = sleep
        self._ordering: Final = asyncio.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._failures = _load_state(folder / _STATE)  # count, and when to order again, by name

    async def order_due(self) -> None:
        """Order what is due now, one after the other."""
        if not self.settings.directory:
            return
        for name, wanted in list(self.settings.certificates.items()):
            _, not_before = self._failures.get(name, (0, 0.0))
            now = self._clock.time()
            # A clock that was set back must not keep us waiting for years.
            is_waiting = now < not_before <= now + 8 * RETRY_SECONDS_MAX
            if not is_waiting and self.is_due(name, wanted):
                await self.order(name)

    def is_due(self, name: str, wanted: AcmeCertificate) -> bool:
        """Tell whether `name` is missing, stands in for another, is for others, or ends soon."""
        try:
            held = self._store.load(name).pair
        except (KeyError, CertificateRefusedError):
            return True
        if held.is_self_signed or not set(wanted.domains) <= set(names_of(held.certificate)):
            return True
        starts_at = held.certificate.not_valid_before_utc.timestamp()
        ends_at = held.certificate.not_valid_after_utc.timestamp()
        return self._clock.time() >= ends_at - (ends_at - starts_at) / _PART_LEFT

    async def order(self, name: str) -> bool:
        """Order a certificate now; return whether there is a new one. Others wait meanwhile.

        Raises:
            KeyError: the settings have none of that name.
        """
        wanted = self.settings.certificates[name]
        async with self._ordering:
            try:
                async with asyncio.timeout(self.settings.order_timeout_seconds):
                    pair = await self._order(wanted)
                self._keep(name, pair)
            except TimeoutError:
                seconds = self.settings.order_timeout_seconds
                self._failed(name, AcmeError(f"the order took longer than {seconds:g} seconds"))
            except (AcmeError, CertificateRefusedError, OSError) as error:
                self._failed(name, error)
            else:
                self._failures[name] = (0, self._clock.time() + ORDER_SECONDS_MIN)
                self._save_state()
                ends_at = pair.certificate.not_valid_after_utc.timestamp()
                self._events.certificate_issued(name, ends_at)
                return True
        return False

    async def _order(self, wanted: AcmeCertificate) -> Pair:
        settings = self.settings
        client = AcmeClient(settings, self._account_key(), self.asker, self._clock, self._sleep)
        key = await asyncio.to_thread(make_key, wanted.key)  # RSA takes its time
        request = make_request(key, Wanted(common_name="", names=wanted.domains))
        responder: Responder = self._http
        if wanted.challenge is ChallengeType.DNS_01:
            responder = DnsHook(settings.dns_hook, settings.hook_timeout_seconds)
        chain = await client.order(wanted.domains, request, wanted.challenge, responder)
        found = await asyncio.to_thread(open_material, Form.PEM, chain)
        pair = join_pair(key, Material(found.certificates, ()))
        missing = set(wanted.domains) - set(names_of(pair.certificate))
        if missing:
            raise AcmeError(f"the certificate is not for {', '.join(sorted(missing))}")
        return pair

    def _keep(self, name: str, pair: Pair) -> None:
        if name in self._store.names():
            self._store.replace(name, pair)
        else:
            self._store.add(name, pair)

    def _account_key(self) -> AccountKey:
        """Return the key of our account with this authority, which is made where it is missing."""
        where = hashlib.sha256(self.settings.directory.encode("ascii")).hexdigest()[:16]
        path = self._folder / f"account-{where}.pem"
        try:
            return AccountKey.from_pem(path.read_bytes())
        except FileNotFoundError:
            key = AccountKey()
            _write(path, key.pem)
            return key
        except ValueError as error:
            text = f"{path} is damaged; put back a copy, or move it away to get a new account"
            raise AcmeError(text) from error

    # What failed, and when.

    def _failed(self, name: str, error: Exception) -> None:
        count = self._failures.get(name, (0, 0.0))[0] + 1
        patience = min(RETRY_SECONDS * 2 ** min(count - 1, 10), RETRY_SECONDS_MAX)
        asked = error.retry_after_seconds if isinstance(error, AcmeError) else 0.0
        wait = max(patience, asked) * (1 + _JITTER * self._random.random())
        self._failures[name] = (count, self._clock.time() + wait)
        self._save_state()
        self._events.order_failed(name, str(error), self._failures[name][1])

    def _save_state(self) -> None:
        _write(self._folder / _STATE, json.dumps(self._failures).encode("utf-8"))


def back_off_state(content: bytes) -> dict[str, tuple[int, float]]:
    """Return what `orders.json` says; what is malformed counts as nothing known."""
    try:
        found = json.loads(content)
        return {str(name): (int(count), float(at)) for name, (count, at) in found.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _load_state(path: Path) -> dict[str, tuple[int, float]]:
    try:
        with path.open("rb") as file:
            return back_off_state(file.read(STATE_BYTES_MAX))
    except FileNotFoundError:
        return {}


def _write(path: Path, content: bytes) -> None:
    files = SystemFiles()
    files.close(replace_file(files, str(path), [content]))
