"""Feature switches as a service: polls the key files, takes what administrators enter, tells."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from mailwarden.core.alerts import CRITICAL, INFORMATION, SYSTEM, WARNING, Alerts
from mailwarden.core.features import Feature
from mailwarden.services.features.decide import Decided, decide
from mailwarden.services.features.expiry import EXPIRED, days_left
from mailwarden.services.features.folder import Found, read_folder
from mailwarden.services.features.key import (
    KEY_BYTES_MAX,
    Key,
    State,
    SwitchTextError,
    make_key,
    parse_key,
)
from mailwarden.services.features.record import (
    Entry,
    Record,
    RecordError,
    Seen,
    parse_record,
    save_record,
)
from mailwarden.system.clock.clock import Clock

POLL_SECONDS: Final = 60.0  # KEY-03
PERPETUAL: Final = "Perpetual"
UNKNOWN: Final = "Unknown"
NOTE: Final = "changes may take up to one minute"  # what pages say of switches


class FeatureError(ValueError):
    """A switch that cannot be set; the message says why. Nothing has changed."""


class Row(NamedTuple):
    """A switch as people see it."""

    name: str
    title: str
    status: str  # `Active`, `Dormant` or `Unknown`
    since: float  # in seconds since the epoch; 0 is from the start
    by: str
    expires: str  # `Perpetual`, or the last day
    days_left: int | None  # 0 is that it is over; None is that it never will be
    note: str


class Means(NamedTuple):
    """What switches need of the world."""

    clock: Clock
    alerts: Alerts
    inform: Callable[[str], None]  # gets lines for the log
    publish: Callable[[frozenset[Feature]], None]  # gets what is dormant, whenever that changes


class Features:
    """All switches. To be used from the thread of the event loop.

    features = Features(Path("features.d"), state / "features.json", means)
    await features.load()
    task_group.create_task(features.run())
    """

    def __init__(self, folder: Path, path: Path, means: Means) -> None:
        """`folder` has the key files; `path` is the file of what is known."""
        self._folder: Final = folder
        self._path: Final = path
        self._means: Final = means
        self._record = Record()
        self._found = Found({}, {})
        self._published: frozenset[Feature] | None = None
        self._turn: Final = asyncio.Lock()

    async def load(self) -> None:
        """Take up what is known, and look at the folder for the first time.

        Raises:
            OSError: what is known cannot be read.
        """
        try:
            content = await asyncio.to_thread(self._path.read_bytes)
            self._record = parse_record(content)
        except FileNotFoundError:
            pass
        except RecordError as error:
            text = f"{self._path} {error}: what administrators had switched is lost"
            self._tell(WARNING, text, "features record")
        await self.poll()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look at the folder for ever, once a minute."""
        while True:
            await sleep(POLL_SECONDS)
            await self.poll()

    async def poll(self) -> None:
        """Look at the folder and the clock, and do what follows."""
        async with self._turn:
            await self._read_folder()
            await self._settle()

    async def enter(self, text: str, by: str) -> Row:
        """Set a switch as a key file would, by its text; return what came of it.

        Raises:
            FeatureError: the text is no switch, or another source decides.
        """
        try:
            content = text.encode("utf-8", "surrogatepass")
            key = parse_key(content[: KEY_BYTES_MAX + 1])
        except SwitchTextError as error:
            raise FeatureError(str(error)) from error
        return await self.switch(key.feature, key.state, by, expires=key.expires, note=key.note)

    async def switch(
        self, name: str, state: State, by: str, *, expires: dt.date | None = None, note: str = ""
    ) -> Row:
        """Set a switch; return what came of it.

        Raises:
            FeatureError: there is no such feature, it would be over already, or a file decides.
        """
        feature = _feature(name)
        try:
            key = make_key(name, state, expires, note)
        except SwitchTextError as error:
            raise FeatureError(str(error)) from error
        now = self._means.clock.time()
        ends_at = key.ends_at()
        if ends_at is not None and ends_at <= now:
            raise FeatureError(f"{expires} is over already")
        async with self._turn:
            self._check_no_file(feature)
            entry = Entry(state=state, by=by, at=now, expires=expires, note=note)
            await self._enter({**self._record.entered, name: entry})
        return self.row(feature)

    async def reset(self, name: str, by: str) -> Row:
        """Forget what administrators set of a feature; return what came of it.

        Raises:
            FeatureError: there is no such feature, or a file decides.
        """
        feature = _feature(name)
        async with self._turn:
            self._check_no_file(feature)
            entered = {k: v for k, v in self._record.entered.items() if k != name}
            await self._enter(entered)
        self._means.inform(f"Features: {name} is as by default again, by {by}")
        return self.row(feature)

    def is_active(self, feature: Feature) -> bool:
        """Whether a feature works now."""
        return self._decide(feature).is_active(self._means.clock.time())

    def snapshot(self) -> Mapping[str, bool]:
        """Return which features are active, by name; it never changes."""
        return MappingProxyType({each.value: self.is_active(each) for each in Feature})

    def dormant(self) -> frozenset[Feature]:
        """Return which features are not active."""
        return frozenset(each for each in Feature if not self.is_active(each))

    def row(self, feature: Feature) -> Row:
        """Return a switch as people see it."""
        decided = self._decide(feature)
        now = self._means.clock.time()
        seen = self._record.seen.get(feature.value)
        status = "Active" if decided.is_active(now) else "Dormant"
        since = seen.since if seen is not None else 0.0
        return _row(decided.key, feature.title, status, since, decided.by, now)

    def rows(self) -> list[Row]:
        """Return all switches as people see them, unknown ones at the end."""
        now = self._means.clock.time()
        known = {each.value for each in Feature}
        unknown = [
            _row(key, "", UNKNOWN, 0.0, f"file {file}", now)
            for file, key in self._found.keys.items()
            if key.feature not in known
        ]
        return [self.row(feature) for feature in Feature] + unknown

    def faults(self) -> Mapping[str, str]:
        """Return the key files that are no switch, and why."""
        return dict(self._found.faults)

    def _decide(self, feature: Feature) -> Decided:
        return decide(self._found.keys, self._record.entered, feature)

    def _check_no_file(self, feature: Feature) -> None:
        source = self._decide(feature).source
        if source:
            raise FeatureError(
                f"the file {source} decides about {feature.value}: change it or take it away"
            )

    async def _read_folder(self) -> None:
        try:
            found = await asyncio.to_thread(read_folder, self._folder)
        except OSError as error:
            # A disk that fails for a minute switches nothing.
            self._found = self._found._replace(faults={"": error.strerror or str(error)})
            return
        # A file that is being written, or damaged, means what it meant before.
        kept = {f: k for f, k in self._found.keys.items() if f in found.faults}
        keys = {**found.keys, **kept}
        self._found = Found({file: keys[file] for file in sorted(keys)}, found.faults)

    async def _enter(self, entered: Mapping[str, Entry]) -> None:
        before = self._record
        self._record = msgspec.structs.replace(before, entered=entered)
        try:
            await self._settle(must_save=True)
        except OSError as error:
            self._record = before
            raise FeatureError(f"it cannot be kept: {error.strerror}") from error

    async def _settle(self, *, must_save: bool = False) -> None:
        """Keep and tell what has changed, in this order: so that nobody is told twice.

        Raises:
            OSError: it cannot be kept, although it `must_save`; nobody was told.
        """
        now = self._means.clock.time()
        told: list[tuple[str, str, str]] = []
        seen = dict(self._record.seen)
        for feature in Feature:
            name = feature.value
            decided = self._decide(feature)
            after = _look(decided, seen.get(name), now)
            told += _news(feature, decided, seen.get(name), after, now)
            if after is not None:
                seen[name] = after
        faults = dict(self._found.faults)
        told += [
            (WARNING, f"the key file {self._folder / file} {fault}", f"features file {file}")
            for file, fault in faults.items()
            if self._record.faults.get(file) != fault
        ]
        record = msgspec.structs.replace(self._record, seen=seen, faults=faults)
        if must_save or record != self._record:
            await self._save(record, must_save=must_save)
        for each in told:
            self._tell(*each)
        self._publish()

    async def _save(self, record: Record, *, must_save: bool) -> None:
        try:
            await asyncio.to_thread(save_record, str(self._path), record)
        except OSError as error:
            if must_save:
                raise
            self._means.inform(f"Features: {self._path} cannot be written: {error.strerror}")
        self._record = record

    def _publish(self) -> None:
        dormant = self.dormant()
        if dormant != self._published:
            self._published = dormant
            self._means.publish(dormant)

    def _tell(self, severity: str, text: str, key: str) -> None:
        self._means.inform(f"Features: {text}")
        self._means.alerts.alert(severity, SYSTEM, text, key)


def _feature(name: str) -> Feature:
    try:
        return Feature(name)
    except ValueError:
        known = ", ".join(each.value for each in Feature)
        raise FeatureError(f"there is no feature {name[:80]!r}; there are {known}") from None


def _look(decided: Decided, before: Seen | None, now: float) -> Seen | None:
    """Return what is seen of a switch now; None where nobody has ever set it."""
    is_active, expires = decided.is_active(now), decided.key.expires
    stage = decided.stage(now)
    if before is None:
        if not decided.source and decided.at is None:
            return None
        before = Seen(is_active=True, source="", by="", since=0.0)
    is_new = (before.source, before.by, before.expires) != (decided.source, decided.by, expires)
    if is_active is not before.is_active or is_new:
        since = now if decided.at is None or not is_new else decided.at
        return Seen(
            is_active=is_active, source=decided.source, by=decided.by, since=since,
            expires=expires, stage=stage,
        )  # fmt: skip
    return msgspec.structs.replace(before, stage=min(stage, before.stage))


def _news(
    feature: Feature, decided: Decided, before: Seen | None, after: Seen | None, now: float
) -> list[tuple[str, str, str]]:
    """Return what people are to be told: severity, text and key of each alert."""
    if after is None or after == before:
        return []
    title, key = feature.title, f"feature {feature.value}"
    ends_at = decided.key.ends_at()
    if after.stage == EXPIRED:
        if before is not None and (before.stage, before.expires) == (EXPIRED, after.expires):
            return []
        text = f"{title} has expired on {after.expires}: it is switched off, mail passes without it"
        return [(CRITICAL, text, key)]
    if before is None or _is_changed(before, after):
        state = "active" if after.is_active else "dormant"
        until = f" until {after.expires}" if after.expires else ""
        return [(INFORMATION, f"{title} is {state}{until}, by {after.by}", key)]
    assert ends_at is not None  # else no stage could be nearer
    return [
        (WARNING, f"{title} expires in {days_left(ends_at, now)} days, on {after.expires}", key)
    ]


def _is_changed(before: Seen, after: Seen) -> bool:
    def parts(seen: Seen) -> tuple[object, ...]:
        return (seen.is_active, seen.source, seen.by, seen.expires)

    return parts(before) != parts(after)


def _row(key: Key, title: str, status: str, since: float, by: str, now: float) -> Row:
    ends_at = key.ends_at()
    return Row(
        name=key.feature,
        title=title,
        status=status,
        since=since,
        by=by,
        expires=PERPETUAL if key.expires is None else key.expires.isoformat(),
        days_left=None if ends_at is None else days_left(ends_at, now),
        note=key.note,
    )
