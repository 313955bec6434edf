"""Feature switches as a service: looks at key files, takes what administrators enter, tells."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from mailwarden.core.alerts import INFORMATION, SYSTEM, WARNING, Alerts
from mailwarden.core.features import Feature
from mailwarden.services.features.decide import Decided, decide
from mailwarden.services.features.folder import Found, read_folder
from mailwarden.services.features.key import (
    KEY_BYTES_MAX,
    Key,
    State,
    SwitchTextError,
    make_key,
    parse_key,
)
from mailwarden.services.features.news import look, news
from mailwarden.services.features.record import (
    Entry,
    Record,
    RecordError,
    parse_record,
    save_record,
)
from mailwarden.services.features.row import Row, row_of
from mailwarden.system.clock.clock import Clock

POLL_SECONDS: Final = 60.0  # KEY-03
UNKNOWN: Final = "Unknown"
NOTE: Final = "changes may take up to one minute"  # what pages say of switches


class FeatureError(ValueError):
    """A switch that cannot be set; the message says why. Nothing has changed."""


class Habits(NamedTuple):
    """What is done with key files by itself."""

    checks: bool  # they are looked at once a minute; else only when somebody wants it
    applies: bool  # what was found counts at once; else somebody has to take it over


class Pending(NamedTuple):
    """A key file that says something else than what counts."""

    file: str
    key: Key | None  # what it says; None is that it is gone
    before: Key | None  # what counts; None is that it is new


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
        self._applied: Mapping[str, Key] = {}  # what counts of the key files, by name
        self._found = Found({}, {})  # what was seen of them last
        self._is_loaded = False
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
        self._applied = _in_order(self._record.applied)
        self._found = Found(self._applied, {})
        self._is_loaded = True
        await self.poll()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look at the folder for ever, once a minute."""
        while True:
            await sleep(POLL_SECONDS)
            await self.poll()

    async def poll(self) -> None:
        """Look at the clock, and at the folder where that is a habit, and do what follows."""
        async with self._turn:
            if self._record.checks:
                await self._read_folder()
            await self._settle()

    async def check_now(self) -> None:
        """Look at the folder, whatever the habits are.

        Raises:
            FeatureError: it cannot be read.
        """
        self._check_loaded()
        async with self._turn:
            why = await self._read_folder()
            await self._settle()
        if why:
            raise FeatureError(f"{self._folder}: {why}")

    async def take_over(self, file: str) -> None:
        """Let count what a key file says that is pending.

        Raises:
            FeatureError: there is no such one.
        """
        self._check_loaded()
        async with self._turn:
            if file not in [each.file for each in self.pending()]:
                raise FeatureError(f"there is no pending key file {file[:80]!r}")
            applied = {name: key for name, key in self._applied.items() if name != file}
            if file in self._found.keys:
                applied[file] = self._found.keys[file]
            await self._change(self._record, applied)

    async def set_habits(self, habits: Habits) -> None:
        """Set what is done by itself from now on; where files are to count, they do at once.

        Raises:
            FeatureError: it cannot be kept.
        """
        self._check_loaded()
        async with self._turn:
            record = msgspec.structs.replace(
                self._record, checks=habits.checks, applies=habits.applies
            )
            await self._change(record, self._found.keys if habits.applies else self._applied)
        await self.poll()

    async def enter(self, text: str, by: str) -> Row:
        """Set a switch as a key file would, by its text; return what came of it.

        Raises:
            FeatureError: the text is no switch, or another source decides.
        """
        key = read_entry(text)
        return await self.switch(key.feature, key.state, by, expires=key.expires, note=key.note)

    async def switch(
        self, name: str, state: State, by: str, *, expires: dt.date | None = None, note: str = ""
    ) -> Row:
        """Set a switch; return what came of it.

        Raises:
            FeatureError: there is no such feature, it would be over already, or a file decides.
        """
        self._check_loaded()
        feature = feature_of(name)
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
        self._check_loaded()
        feature = feature_of(name)
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
        return row_of(decided.key, feature.title, status, since, decided.by, now)

    def rows(self) -> list[Row]:
        """Return all switches as people see them, unknown ones at the end."""
        now = self._means.clock.time()
        known = {each.value for each in Feature}
        unknown = [
            row_of(key, "", UNKNOWN, 0.0, f"file {file}", now)
            for file, key in self._applied.items()
            if key.feature not in known
        ]
        return [self.row(feature) for feature in Feature] + unknown

    def habits(self) -> Habits:
        """Return what is done by itself."""
        return Habits(self._record.checks, self._record.applies)

    def pending(self) -> list[Pending]:
        """Return the key files that wait to be taken over, by name."""
        found, applied = self._found.keys, self._applied
        return [
            Pending(file, found.get(file), applied.get(file))
            for file in sorted({*found, *applied})
            if found.get(file) != applied.get(file)
        ]

    def faults(self) -> Mapping[str, str]:
        """Return the key files that are no switch, and why."""
        return dict(self._found.faults)

    def _decide(self, feature: Feature) -> Decided:
        return decide(self._applied, self._record.entered, feature)

    def _check_loaded(self) -> None:
        if not self._is_loaded:
            raise FeatureError("what is known of features cannot be read; see the log")

    def _check_no_file(self, feature: Feature) -> None:
        source = self._decide(feature).source
        if source:
            raise FeatureError(
                f"the file {source} decides about {feature.value}: change it or take it away"
            )

    async def _read_folder(self) -> str:
        """Take in what the folder says; return why it cannot be read, or ""."""
        try:
            found = await asyncio.to_thread(read_folder, self._folder)
        except OSError as error:
            # A disk that fails for a minute switches nothing.
            why = error.strerror or str(error)
            self._found = self._found._replace(faults={"": why})
            return why
        # A file that is being written, or damaged, means what it meant before.
        kept = {f: k for f, k in self._applied.items() if f in found.faults}
        self._found = Found(_in_order({**found.keys, **kept}), found.faults)
        if self._record.applies:
            self._applied = self._found.keys
        return ""

    async def _enter(self, entered: Mapping[str, Entry]) -> None:
        await self._change(msgspec.structs.replace(self._record, entered=entered), self._applied)

    async def _change(self, record: Record, applied: Mapping[str, Key]) -> None:
        """Go by `record` and `applied`, or by what was before when they cannot be kept."""
        before = self._record, self._applied
        self._record, self._applied = record, _in_order(applied)
        try:
            await self._settle(must_save=True)
        except OSError as error:
            self._record, self._applied = before
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
            after = look(decided, seen.get(name), now)
            told += news(feature, decided, seen.get(name), after, now)
            if after is not None:
                seen[name] = after
        faults, waiting = dict(self._found.faults), tuple(each.file for each in self.pending())
        told += [
            (WARNING, f"the key file {self._folder / file} {fault}", f"features file {file}")
            for file, fault in faults.items()
            if self._record.faults.get(file) != fault
        ]
        told += [
            (INFORMATION, f"the key file {file} waits to be taken over", f"features file {file}")
            for file in waiting
            if file not in self._record.waiting
        ]
        record = msgspec.structs.replace(
            self._record, seen=seen, faults=faults, applied=self._applied, waiting=waiting
        )
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


def read_entry(text: str) -> Key:
    """Return the switch that somebody has entered, of a feature that there is.

    Raises:
        FeatureError: it is none.
    """
    try:
        key = parse_key(text.encode("utf-8", "surrogatepass")[: KEY_BYTES_MAX + 1])
    except SwitchTextError as error:
        raise FeatureError(str(error)) from error
    feature_of(key.feature)
    return key


def feature_of(name: str) -> Feature:
    """Return the feature that is called `name`.

    Raises:
        FeatureError: there is none.
    """
    try:
        return Feature(name)
    except ValueError:
        known = ", ".join(each.value for each in Feature)
        raise FeatureError(f"there is no feature {name[:80]!r}; there are {known}") from None


def _in_order(keys: Mapping[str, Key]) -> Mapping[str, Key]:
    """Return keys in the order of their files: of several about a feature the last one counts."""
    return {file: keys[file] for file in sorted(keys)}
