"""Which MTA-STS policy a domain has now: from memory, by its TXT record, or fetched anew.

RFC 8461, 3 and 5.1. However many messages ask for a domain at the same time, it is looked up once.
A policy that is known stays in use until it expires, whatever fails; without one, failures mean
that there is none.
"""

import asyncio
from typing import Final, NamedTuple, Protocol

from mailwarden.core.mail.address import AddressError
from mailwarden.core.mail.domain import domain_to_ascii
from mailwarden.core.policy.mta_sts import (
    RECORD_LABEL,
    PolicyError,
    StsPolicy,
    StsRecord,
    broken_policy_lines,
    parse_policy,
    parse_record,
)
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.cache import CachedPolicy, PolicyCache, is_in_use
from mailwarden.services.transport_security.fetcher import FetchError, PolicyFetcher
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError

CHECK_SECONDS: Final = 300.0  # an answer stands for so long before the TXT record is looked at
FAILURE_SECONDS: Final = 300.0  # RFC 8461, 3.3: a version that could not be fetched is left alone
FETCHES_AT_ONCE: Final = 20
ANSWERS_MAX: Final = 20_000  # remembered in memory; the oldest go

_DISCARDED: Final = 16  # when it is full, this part of it goes


class TextResolver(Protocol):
    """The part of a resolver that is needed here."""

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`; see `Resolver`."""
        ...


class PolicyAnswer(NamedTuple):
    """What is known of a domain's policy."""

    policy: StsPolicy | None = None  # that applies to mail sent now
    failure: ResultType | None = None  # to be reported: a policy is there that could not be read
    reason: str = ""  # why, for the log and as reason code
    lines: tuple[str, ...] = ()  # of a file that is no policy, for the report


class RefreshFailure(NamedTuple):
    """A policy in use that could not be fetched anew: for the log (RFC 8461, 3.3)."""

    domain: str
    reason: str
    expires_at: float  # until then it stays in use; seconds since the epoch


class _Remembered(NamedTuple):
    answer: PolicyAnswer
    until: float  # monotonic seconds


class _Attempt(NamedTuple):
    id: str
    answer: PolicyAnswer  # without a policy
    until: float  # monotonic seconds


class PolicySource:
    """Finds policies. To be used from one event loop."""

    def __init__(
        self,
        cache: PolicyCache,
        resolver: TextResolver,
        fetcher: PolicyFetcher,
        clock: Clock,
        *,
        answers_max: int = ANSWERS_MAX,
    ) -> None:
        self._cache = cache
        self._resolver = resolver
        self._fetcher = fetcher
        self._clock = clock
        self._answers_max = answers_max
        self._answers: dict[str, _Remembered] = {}
        self._attempts: dict[str, _Attempt] = {}  # fetches that failed
        self._asking: dict[str, asyncio.Future[PolicyAnswer | None]] = {}
        self._turns = asyncio.Semaphore(FETCHES_AT_ONCE)

    def peek(self, domain: str) -> PolicyAnswer | None:
        """Return what `find` would without waiting; None when it has to look something up."""
        remembered = self._answers.get(domain)
        if remembered is None or remembered.until <= self._clock.monotonic():
            return None
        return remembered.answer

    async def find(self, domain: str) -> PolicyAnswer:
        """Return the policy of `domain`, that of recipients or of a configured host.

        May take as long as a fetch. Never raises for what DNS or the policy host do.
        """
        return self.peek(domain) or await self._share(domain)

    async def renew(self, domain: str) -> PolicyAnswer:
        """Return the same after looking at the TXT record, whatever is remembered.

        To be asked before mail is returned because of a policy (RFC 8461, 5.1).
        """
        self._answers.pop(domain, None)
        return await self._share(domain)

    async def refresh(self) -> list[RefreshFailure]:
        """Fetch policies that are due, one after the other; return those that could not be.

        To be called every few minutes, from one worker. Failures of mode `none` are left out.
        """
        failures: list[RefreshFailure] = []
        for domain in self._cache.due():
            entry = self._cache.peek(domain)
            if entry is None:
                continue
            self._cache.note_attempt(domain)
            reason = await self._refresh(domain)
            if reason and is_in_use(entry):
                failures.append(RefreshFailure(domain, reason, entry.expires_at()))
        return failures

    async def _share(self, domain: str) -> PolicyAnswer:
        """Return the answer of whoever looks already, or look."""
        answer: PolicyAnswer | None = None
        while answer is None:
            asking = self._asking.get(domain)
            if asking is None:
                return await self._lead(domain)
            # Shielded: that one waiter is cancelled is nothing to the others.
            answer = await asyncio.shield(asking)  # None: he who looked was cancelled
        return answer

    async def _lead(self, domain: str) -> PolicyAnswer:
        asking: asyncio.Future[PolicyAnswer | None] = asyncio.get_running_loop().create_future()
        self._asking[domain] = asking
        answer: PolicyAnswer | None = None
        try:
            answer = await self._look(domain)
            self._remember(domain, answer)
            return answer
        finally:
            del self._asking[domain]
            asking.set_result(answer)

    async def _look(self, domain: str) -> PolicyAnswer:
        try:
            name = domain_to_ascii(domain)
        except AddressError:
            return PolicyAnswer(reason="not a domain that DNS knows")
        known = self._cache.get(name)
        record = await self._record(name)
        if not record.id:
            # RFC 8461, 5.1: that the record is gone does not end a policy that is known.
            is_failure = is_in_use(known)
            failure = ResultType.STS_POLICY_FETCH_ERROR if is_failure else None
            return PolicyAnswer(_policy(known), failure, record.defect or _no_record(known))
        if known is not None and known.id == record.id:
            return PolicyAnswer(known.policy)
        attempt = self._attempts.get(name)
        if attempt is None or attempt.id != record.id or attempt.until <= self._clock.monotonic():
            fetched = await self._fetch(name, record.id)
            if fetched.policy is not None:
                return fetched
        else:
            fetched = attempt.answer
        return fetched._replace(policy=_policy(known))

    async def _refresh(self, domain: str) -> str:
        """Fetch the policy of `domain` anew; return why that failed, or ""."""
        record = await self._record(domain)
        if not record.id:
            return record.defect or "its TXT record is gone"
        answer = await self._fetch(domain, record.id)
        if answer.policy is not None:
            self._answers.pop(domain, None)
        return answer.reason

    async def _record(self, domain: str) -> StsRecord:
        try:
            return parse_record(await self._resolver.resolve_txt(f"{RECORD_LABEL}.{domain}"))
        except NameNotFoundError:
            return StsRecord("")
        except ResolutionError as error:
            return StsRecord("", str(error))

    async def _fetch(self, domain: str, id_: str) -> PolicyAnswer:
        """Fetch a policy and remember it; without one, the answer says why."""
        body = b""
        try:
            async with self._turns:
                body = await self._fetcher.fetch(domain)
            policy = parse_policy(body)
        except FetchError as failed:
            answer = PolicyAnswer(failure=failed.result, reason=str(failed))
        except PolicyError as error:
            answer = PolicyAnswer(
                failure=ResultType.STS_POLICY_INVALID,
                reason=str(error),
                lines=broken_policy_lines(body),
            )
        else:
            self._cache.put(domain, policy, id_)
            self._attempts.pop(domain, None)
            return PolicyAnswer(policy)
        _make_room(self._attempts, self._answers_max)
        self._attempts[domain] = _Attempt(id_, answer, self._clock.monotonic() + FAILURE_SECONDS)
        return answer

    def _remember(self, domain: str, answer: PolicyAnswer) -> None:
        seconds = CHECK_SECONDS
        if answer.policy is not None:
            known = self._cache.peek(domain)
            age = answer.policy.max_age_seconds
            left = age if known is None else known.expires_at() - self._clock.time()
            seconds = min(seconds, left)
        _make_room(self._answers, self._answers_max)
        self._answers[domain] = _Remembered(answer, self._clock.monotonic() + seconds)


def _policy(entry: CachedPolicy | None) -> StsPolicy | None:
    return None if entry is None else entry.policy


def _no_record(known: CachedPolicy | None) -> str:
    return "its TXT record is gone" if is_in_use(known) else ""


def _make_room(memory: dict[str, _Remembered] | dict[str, _Attempt], entries_max: int) -> None:
    """Forget the oldest entries when there are too many."""
    if len(memory) >= entries_max:
        for domain in list(memory)[: entries_max // _DISCARDED + 1]:
            del memory[domain]
