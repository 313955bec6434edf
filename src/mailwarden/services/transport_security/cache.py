"""MTA-STS policies that are known, for as long as they say (RFC 8461, 5.1), over restarts too.

The file has one line of JSON for each policy; a damaged line costs no more than itself. Several
workers may share it: whoever saves takes over what the others saved since.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from mailwarden.core.policy.mta_sts import Mode, StsPolicy, build_policy, parse_policy
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files
from mailwarden.system.files.whole_file import replace_file

DOMAINS_MAX: Final = 50_000
WEIGHT_MAX: Final = 32 * 1024 * 1024  # bytes, about, of all policies
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
REFRESH_SECONDS: Final = 86_400  # RFC 8461, 3.3: once a day
REFRESH_RETRY_SECONDS: Final = 3600  # after a refresh that failed
USED_SECONDS: Final = 30 * 86_400  # policies that nobody needed for so long are not refreshed

_ENTRY_WEIGHT: Final = 500  # of a policy, besides its patterns
_DISCARDED: Final = 16  # when it is full, this part of it goes


class CachedPolicy:
    """A policy and what is known about it. Times are seconds since the epoch."""

    __slots__ = ("fetched_at", "id", "policy", "tried_at", "used_at")

    def __init__(self, policy: StsPolicy, id_: str, fetched_at: float, used_at: float) -> None:
        self.policy = policy
        self.id = id_  # of the TXT record that led to it
        self.fetched_at = fetched_at
        self.used_at = used_at
        self.tried_at = fetched_at  # last attempt to refresh it

    def expires_at(self) -> float:
        """Return when it is of no more use."""
        return self.fetched_at + self.policy.max_age_seconds


class PolicyCache:
    """Policies by domain, within a limit of memory; those not needed for longest go first."""

    def __init__(
        self, clock: Clock, *, domains_max: int = DOMAINS_MAX, weight_max: int = WEIGHT_MAX
    ) -> None:
        self.changes = 0  # so far: whether a save is worth it
        self._clock = clock
        self._domains_max = domains_max
        self._weight_max = weight_max
        self._entries: dict[str, CachedPolicy] = {}
        self._weight = 0

    def __len__(self) -> int:
        """Return how many policies are held, expired ones included."""
        return len(self._entries)

    def get(self, domain: str) -> CachedPolicy | None:
        """Return the policy of `domain` that may still be used, and note that it was."""
        entry = self.peek(domain)
        if entry is not None:
            entry.used_at = self._clock.time()
        return entry

    def peek(self, domain: str) -> CachedPolicy | None:
        """Return the policy of `domain` that may still be used."""
        entry = self._entries.get(domain)
        return entry if entry is not None and entry.expires_at() > self._clock.time() else None

    def put(self, domain: str, policy: StsPolicy, id_: str) -> None:
        """Remember a policy that was just fetched, in place of an older one."""
        now = self._clock.time()
        known = self._entries.get(domain)
        self._add(domain, CachedPolicy(policy, id_, now, now if known is None else known.used_at))

    def due(self) -> list[str]:
        """Return the domains whose policies are to be fetched anew, before they expire."""
        now = self._clock.time()
        return [domain for domain, entry in self._entries.items() if _is_due(entry, now)]

    def note_attempt(self, domain: str) -> None:
        """Remember that a refresh was tried, so that the next one waits."""
        entry = self._entries.get(domain)
        if entry is not None:
            entry.tried_at = self._clock.time()

    def encode(self) -> Iterator[bytes]:
        """Yield the policies that are worth keeping, as lines."""
        now = self._clock.time()
        for domain, entry in list(self._entries.items()):
            if entry.expires_at() > now:
                text = build_policy(entry.policy)
                values = [domain, entry.id, int(entry.fetched_at), int(entry.used_at), text]
                yield json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"

    def absorb(self, content: bytes) -> int:
        """Take over policies that are newer; return how many lines cannot be understood."""
        damaged = 0
        now = self._clock.time()
        for line in content.split(b"\n"):
            if not line:
                continue
            try:
                domain, entry = _parse_line(line, now, self._entries)
            except (ValueError, TypeError, RecursionError):
                damaged += 1
                continue
            if entry is not None and entry.expires_at() > now:
                self._add(domain, entry)
        return damaged

    def _add(self, domain: str, entry: CachedPolicy) -> None:
        weight = _weigh(domain, entry)
        self._remove(domain)
        if weight > self._weight_max:
            return
        if len(self._entries) >= self._domains_max or self._weight + weight > self._weight_max:
            self._shrink(weight)
        self._entries[domain] = entry
        self._weight += weight
        self.changes += 1

    def _shrink(self, weight: int) -> None:
        """Make room: for `weight`, and some more so that this does not happen each time."""
        now = self._clock.time()
        order = sorted(
            self._entries.items(), key=lambda item: (item[1].expires_at() > now, item[1].used_at)
        )
        spare = len(order) // _DISCARDED
        for place, (domain, entry) in enumerate(order):
            if (
                place > spare
                and entry.expires_at() > now
                and self._weight + weight <= self._weight_max
            ):
                break
            self._remove(domain)

    def _remove(self, domain: str) -> None:
        entry = self._entries.pop(domain, None)
        if entry is not None:
            self._weight -= _weigh(domain, entry)


class PolicyFile:
    """Where policies outlive a restart, and where workers share them."""

    def __init__(self, path: str, files: Files) -> None:
        self._path: Final = path
        self._files: Final = files
        self._known: int | None = None  # descriptor of the file whose content the cache has
        self._saved = 0  # changes of the cache that it had then

    def load(self, cache: PolicyCache) -> int:
        """Take over what is in the file, if it is another one now; return how many lines are bad.

        Raises:
            OSError: it cannot be read.
        """
        has_changed = cache.changes != self._saved
        damaged = self._absorb(cache)
        if not has_changed:
            self._saved = cache.changes
        return damaged

    def save(self, cache: PolicyCache) -> bool:
        """Take over what others saved, and write what is new; False when another is at it.

        After a crash there is the old file or the new one.

        Raises:
            OSError: it cannot be written; the old file is still there.
        """
        self.load(cache)
        if cache.changes == self._saved:
            return True
        with self._locked() as is_ours:
            if not is_ours:
                return False
            self.load(cache)
            self._write(cache)
            self._saved = cache.changes
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self._known is not None:
            self._files.close(self._known)
            self._known = None

    def _absorb(self, cache: PolicyCache) -> int:
        # Whoever saves puts a new file in the place of the old one.
        if self._known is not None and self._files.is_at(self._known, self._path):
            return 0
        self.close()
        try:
            fd = self._files.open(self._path)
        except FileNotFoundError:
            return 0
        self._known = fd
        return cache.absorb(self._files.pread(fd, FILE_BYTES_MAX, 0))

    def _write(self, cache: PolicyCache) -> None:
        fd = replace_file(self._files, self._path, cache.encode())
        self.close()
        self._known = fd

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        path = f"{self._path}.lock"
        try:
            fd = self._files.open(path, write=True, create=True)
        except FileExistsError:
            fd = self._files.open(path, write=True)
        try:
            yield self._files.lock(fd)
        finally:
            self._files.close(fd)


def _is_due(entry: CachedPolicy, now: float) -> bool:
    # A policy that lives for less than a day is fetched anew in the middle of its life.
    age = min(REFRESH_SECONDS, entry.policy.max_age_seconds / 2)
    return (
        now - entry.fetched_at >= age
        and entry.expires_at() > now
        and now - entry.used_at < USED_SECONDS
        and (entry.tried_at <= entry.fetched_at or now - entry.tried_at >= REFRESH_RETRY_SECONDS)
    )


def _parse_line(
    line: bytes, now: float, known: Mapping[str, CachedPolicy]
) -> tuple[str, CachedPolicy | None]:
    """Return a domain and its policy; None if the one that is known is as new."""
    domain, id_, fetched_at, used_at, text = json.loads(line)
    if not (isinstance(domain, str) and isinstance(id_, str) and isinstance(text, str)):
        raise TypeError("a text is missing")
    # What comes from the future was written before the clock was set back.
    fetched, used = _time(fetched_at, now), _time(used_at, now)
    if domain in known and int(known[domain].fetched_at) >= fetched:
        return domain, None
    return domain, CachedPolicy(parse_policy(text.encode("ascii")), id_, fetched, used)


def _time(value: Any, now: float) -> float:  # noqa: ANN401  any JSON
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a time is missing")
    return min(float(value), now)


def _weigh(domain: str, entry: CachedPolicy) -> int:
    texts = sum(len(pattern) + 60 for pattern in entry.policy.mx)  # what a str costs besides
    return _ENTRY_WEIGHT + len(domain) + len(entry.id) + texts


def is_in_use(entry: CachedPolicy | None) -> bool:
    """Whether there is a policy that asks for something."""
    return entry is not None and entry.policy.mode is not Mode.NONE
