"""Orders from the first question to the renewal, and what happens when the authority will not."""

import asyncio
import random
import stat
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.services.certificates.acme.https import Answer
from mailwarden.services.certificates.acme.keeper import AcmeKeeper, back_off_state
from mailwarden.services.certificates.acme.settings import (
    AcmeCertificate,
    AcmeSettings,
    ChallengeType,
    ExternalAccount,
)
from mailwarden.services.certificates.facts import names_of
from mailwarden.services.certificates.requests import Wanted
from mailwarden.services.certificates.stand_in import stand_in
from mailwarden.services.certificates.store import CertificateStore
from tests.unit.services.certificates.acme.authority_server import (
    DIRECTORY,
    MAC_KEY,
    AuthorityServer,
    Responder,
    unreachable,
)
from tests.unit.services.certificates.authority import NOW

DAY = 86_400.0
HOUR = 3600.0
DOMAINS = ("mx1.corp.example", "mx.corp.example")
SETTINGS = AcmeSettings(
    directory=DIRECTORY,
    terms_agreed=True,
    contact=("admin@corp.example",),
    certificates={"mx": AcmeCertificate(domains=DOMAINS)},
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Events:
    def __init__(self) -> None:
        self.issued: list[tuple[str, float]] = []
        self.failed: list[tuple[str, str, float]] = []

    def certificate_issued(self, name: str, ends_at: float) -> None:
        self.issued.append((name, ends_at))

    def order_failed(self, name: str, reason: str, next_attempt_at: float) -> None:
        self.failed.append((name, reason, next_attempt_at - NOW))


class Place:
    """A keeper with everything around it."""

    def __init__(self, folder: Path, settings: AcmeSettings = SETTINGS) -> None:
        self.folder = folder
        self.settings = settings
        self.clock, self.events, self.responder = Clock(), Events(), Responder()
        self.server = AuthorityServer(self.responder)
        self.store = CertificateStore(folder / "certificates")
        self.keeper = self.make()
        self.slept: list[float] = []

    def make(self) -> AcmeKeeper:
        return AcmeKeeper(
            self.settings,
            self.store,
            self.folder / "acme",
            asker=self.server,
            http=self.responder,
            events=self.events,
            clock=self.clock,
            random=random.Random(1),
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        assert len(self.slept) < 100


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_an_order_from_nothing_to_the_certificate(place: Place) -> None:
    await place.keeper.order_due()
    assert place.events.failed == []
    pair = place.store.load("mx").pair
    assert names_of(pair.certificate) == DOMAINS
    assert [each.subject for each in pair.chain] == [place.server.middle.certificate.subject]
    assert place.events.issued == [("mx", NOW + 90 * DAY)]
    assert place.responder.log == [
        "present mx1.corp.example",
        "clean up mx1.corp.example",
        "present mx.corp.example",
        "clean up mx.corp.example",
    ]
    assert place.server.contacts == [["mailto:admin@corp.example"]]
    asked = len(place.server.asked)
    await place.keeper.order_due()
    assert len(place.server.asked) == asked  # nothing is due


async def test_a_third_of_the_time_left_renews_with_a_new_key(place: Place) -> None:
    await place.keeper.order_due()
    first = place.store.load("mx").pair
    lifetime = first.certificate.not_valid_after_utc - first.certificate.not_valid_before_utc
    place.clock.now = NOW + 90 * DAY - lifetime.total_seconds() / 3 - 1
    assert not place.keeper.is_due("mx", SETTINGS.certificates["mx"])
    place.clock.now += 2
    await place.make().order_due()  # also after a restart, with the same account
    assert place.store.load("mx").pair.key_pem != first.key_pem
    assert len(place.server.accounts) == 1
    assert len(place.events.issued) == 2


async def test_other_domains_are_a_reason_to_order(place: Place) -> None:
    await place.keeper.order_due()
    wanted = AcmeCertificate(domains=("new.corp.example",))
    place.clock.now += DAY
    place.keeper.settings = replace(SETTINGS, certificates={"mx": wanted})
    await place.keeper.order_due()
    assert names_of(place.store.load("mx").pair.certificate) == ("new.corp.example",)


async def test_a_certificate_that_is_old_when_it_comes_is_not_ordered_without_end(
    place: Place,
) -> None:
    place.server.days = 0
    for _ in range(3):
        await place.keeper.order_due()
    assert len(place.events.issued) == 1
    place.clock.now += DAY
    await place.keeper.order_due()
    assert len(place.events.issued) == 2


async def test_until_it_comes_the_certificate_signs_itself(place: Place) -> None:
    wanted = place.keeper.settings.certificates
    assert stand_in(place.store, wanted, place.clock.time()) == ["mx"]
    assert stand_in(place.store, wanted, place.clock.time()) == []
    held = place.store.load("mx").pair
    assert held.is_self_signed
    assert names_of(held.certificate) == DOMAINS
    await place.keeper.order_due()
    assert not place.store.load("mx").pair.is_self_signed


async def test_refused_nonces_are_tried_again(place: Place) -> None:
    place.server.refused_nonces = 9
    await place.keeper.order_due()
    assert place.events.failed == []
    assert place.server.asked.count("HEAD /nonce") == 1  # each refusal brings another nonce
    place.server.refused_nonces = 100
    assert not await place.keeper.order("mx")
    assert "takes none of its own nonces" in place.events.failed[0][1]


async def test_the_pause_between_looks_is_what_the_authority_wants(place: Place) -> None:
    place.server.processing = 3
    await place.keeper.order_due()
    assert place.slept == [1.0, 1.0, 1.0]


async def test_failures_wait_longer_each_time(place: Place) -> None:
    place.server.fail = unreachable
    waits = []
    for _ in range(8):
        await place.keeper.order_due()
        waits.append(place.events.failed[-1][2] - (place.clock.now - NOW))
        asked = len(place.events.failed)
        await place.make().order_due()  # a restart is no reason to come back earlier
        assert len(place.events.failed) == asked
        place.clock.now = NOW + place.events.failed[-1][2] + 1
    for wait, hours in zip(waits, (1, 2, 4, 8, 16, 24, 24, 24), strict=True):
        assert hours * HOUR <= wait <= hours * HOUR * 1.1
    place.server.fail = lambda method, path: None
    await place.keeper.order_due()
    assert len(place.events.issued) == 1
    place.server.fail = unreachable
    assert not await place.keeper.order("mx")
    wait = place.events.failed[-1][2] - (place.clock.now - NOW)
    assert wait <= HOUR * 1.1  # counted anew


async def test_rate_limits_are_kept(place: Place) -> None:
    def limited(method: str, path: str) -> Answer | None:
        if path != "/order":
            return None
        return place.server.problem(429, "rateLimited", "too many", retry_after="180000")

    place.server.fail = limited
    await place.keeper.order_due()
    (failed,) = place.events.failed
    assert failed[1] == "rateLimited: too many"
    assert 180_000 <= failed[2] <= 198_000


async def test_a_wrong_answer_is_told_with_the_reason(place: Place) -> None:
    async def present(proof: object) -> None:
        pass

    async def clean_up(proof: object) -> None:
        place.responder.log.append("clean up")

    place.responder.present = present  # type: ignore[method-assign]
    place.responder.clean_up = clean_up  # type: ignore[method-assign]
    await place.keeper.order_due()
    assert place.events.failed[0][1] == (
        "mx1.corp.example could not be verified: unauthorized: wrong answer"
    )
    assert place.responder.log == ["clean up"]
    assert place.store.names() == []


async def test_a_certificate_for_others_is_not_kept(place: Place) -> None:
    other = AuthorityServer(place.responder)
    sign = other.middle.sign

    def sign_other(request: bytes, *, days: int) -> bytes:
        return sign(place.store.make_new("x", wanted.key, about, NOW).request, days=days)

    wanted, about = SETTINGS.certificates["mx"], Wanted(common_name="evil.example")
    other.middle.sign = sign_other  # type: ignore[method-assign]
    place.keeper.asker = other
    await place.keeper.order_due()
    assert "belongs to none of the certificates" in place.events.failed[0][1]
    assert place.store.names() == ["x"]


async def test_an_account_that_the_authority_knows(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.server.external = True
    assert not await place.keeper.order("mx")
    assert "set acme.external_account" in place.events.failed[0][1]
    key = urlsafe_b64encode(MAC_KEY).decode()
    account = ExternalAccount(key_id="kid-1", mac_key=key)
    place.keeper.settings = replace(SETTINGS, external_account=account)
    assert await place.keeper.order("mx")


async def test_dns_01_runs_the_program(tmp_path: Path) -> None:
    program, log = tmp_path / "hook", tmp_path / "log"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\necho problem\nexit ${{CODE:-0}}\n')
    program.chmod(0o755)
    wanted = AcmeCertificate(domains=("*.corp.example",), challenge=ChallengeType.DNS_01)
    settings = replace(SETTINGS, certificates={"mx": wanted}, dns_hook=str(program))
    place = Place(tmp_path / "state", settings)
    await place.keeper.order_due()
    # Nobody looks into DNS here, so the authority finds nothing.
    assert "corp.example could not be verified" in place.events.failed[0][1]
    lines = [line.split() for line in log.read_text(encoding="ascii").splitlines()]
    assert [line[:2] for line in lines] == [
        ["present", "_acme-challenge.corp.example"],
        ["cleanup", "_acme-challenge.corp.example"],
    ]
    assert lines[0][2] == lines[1][2]
    assert len(lines[0][2]) == 43


@pytest.mark.parametrize(
    ("script", "part"),
    [
        (
            "#!/bin/sh\necho no\033[0m such zone >&2; exit 3\n",
            r"ended with 3: no\u001b[0m such zone",
        ),
        ("#!/bin/sh\nsleep 60\n", "took longer than 0.2 seconds"),
        ("#!/no/such/shell\n", "cannot be run: No such file"),
    ],
)
async def test_programs_that_fail(tmp_path: Path, script: str, part: str) -> None:
    program = tmp_path / "hook"
    program.write_text(script)
    program.chmod(0o755)
    wanted = AcmeCertificate(domains=("corp.example",), challenge=ChallengeType.DNS_01)
    settings = replace(
        SETTINGS,
        certificates={"mx": wanted},
        dns_hook=str(program),
        hook_timeout_seconds=0.2 if "sleep" in script else 30,
    )
    place = Place(tmp_path / "state", settings)
    await place.keeper.order_due()
    assert part in place.events.failed[0][1]


async def test_an_order_that_hangs_ends(place: Place) -> None:
    place.keeper.settings = replace(SETTINGS, order_timeout_seconds=0.05)
    place.server.processing = 10**9

    async def nap(seconds: float) -> None:
        await asyncio.sleep(0.001)

    place.keeper._sleep = nap  # type: ignore[misc]
    assert not await place.keeper.order("mx")
    assert "took longer than 0.05 seconds" in place.events.failed[0][1]


async def test_keys_are_for_nobody_else(place: Place) -> None:
    await place.keeper.order_due()
    (key,) = (place.folder / "acme").glob("account-*.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.write_bytes(b"damaged")
    assert not await place.keeper.order("mx")
    assert "is damaged; put back a copy" in place.events.failed[0][1]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": ["x", 1]}', b"[" * 9999]
)
def test_a_damaged_memory_of_failures_is_none(content: bytes) -> None:
    assert back_off_state(content) == {}


async def test_a_clock_that_was_set_back_does_not_stop_orders(place: Place) -> None:
    place.server.fail = unreachable
    await place.keeper.order_due()
    assert len(place.events.failed) == 1
    place.clock.now = NOW - 30 * DAY
    await place.keeper.order_due()
    assert len(place.events.failed) == 2


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"directory": ""}, "directory"),
        ({"terms_agreed": False}, "terms_agreed"),
        (
            {
                "certificates": {
                    "a": AcmeCertificate(domains=("a.example",), challenge=ChallengeType.DNS_01)
                }
            },
            "dns_hook",
        ),
    ],
)
def test_what_is_wrong_with_settings(change: dict[str, object], path: str) -> None:
    problems = list(replace(SETTINGS, **change).problems())  # type: ignore[arg-type]
    assert [problem.path for problem in problems] == [path]
    assert list(SETTINGS.problems()) == []


@pytest.mark.parametrize(
    "wanted",
    [
        AcmeCertificate(domains=()),
        AcmeCertificate(domains=("a.example", "a.example")),
        AcmeCertificate(domains=("*.a.example",)),
    ],
)
def test_what_no_authority_does(wanted: AcmeCertificate) -> None:
    assert len(list(wanted.problems())) == 1
