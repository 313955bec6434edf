"""The updates of all components; each goes its own way (admin 8.1, UPD-05)."""

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from mailwarden.services.updates.component import (
    Component,
    ComponentStatus,
    ComponentUpdates,
    Means,
    Plan,
)
from mailwarden.system.files.files import SystemFiles

LOCK: Final = "lock"
_FOLDER_MODE: Final = 0o755


class UpdatesError(ValueError):
    """Something that updates cannot do; the message says why."""


class Updates:
    """Keeps components up to date. To be used from the thread of the event loop.

    updates = Updates(state / "updates", COMPONENTS, plan, means)
    await updates.load()
    task_group.create_task(updates.run())
    """

    def __init__(
        self, folder: Path, components: Iterable[Component], plan: Plan, means: Means
    ) -> None:
        """`folder` has to be one that workers can read."""
        self._folder: Final = folder
        self._plan = plan
        self._is_active = True
        self._lock = -1
        self._is_loaded = False
        self._parts: Final[Mapping[str, ComponentUpdates]] = {
            each.name: ComponentUpdates(each, folder / each.name, plan, means)
            for each in components
        }

    async def load(self) -> None:
        """Find out what is installed.

        Raises:
            UpdatesError: another process keeps the folder.
            OSError: the folder cannot be used.
        """
        if self._lock < 0:
            await asyncio.to_thread(self._take_folder)
        for part in self._parts.values():
            await part.load()
        self._is_loaded = True

    @property
    def is_loaded(self) -> bool:
        """Whether it is known what is installed."""
        return self._is_loaded

    async def run(self) -> None:
        """Look for updates for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._parts.values():
                    group.create_task(part.run())
        finally:
            self.close()

    def close(self) -> None:
        """Let another process have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def apply(self, plan: Plan, *, is_active: bool = True) -> None:
        """Go on under other settings. Who is not `is_active` asks no server at all."""
        self._plan, self._is_active = plan, is_active
        for part in self._parts.values():
            part.apply(plan, is_active=is_active)

    def update(self, names: Collection[str] = (), *, is_forced: bool = False) -> list[str]:
        """Start an attempt now for the components of `names`, or for all; return their names.

        Where one is under way it counts, unless this one `is_forced`: then it is killed, and what
        is offered is fetched in any case.

        Raises:
            UpdatesError: there is no such component, or no server to ask; or nothing was loaded.
        """
        chosen = [self._part(name) for name in names] or list(self._parts.values())
        self._check_loaded()
        if not self._is_active:
            raise UpdatesError("the feature updates is switched off")
        if not self._plan.settings.is_on:
            raise UpdatesError("no server of updates is set")
        for part in chosen:
            part.update(is_forced=is_forced)
        return [part.component.name for part in chosen]

    async def roll_back(self, name: str, by: str) -> str:
        """Use the previous version of a component again; return which one that is.

        Raises:
            UpdatesError: there is no such component, or no previous version.
            OSError: it cannot be done.
        """
        part = self._part(name)
        self._check_loaded()
        try:
            return await part.roll_back(by)
        except ValueError as error:
            raise UpdatesError(f"{name}: {error}") from error

    def status(self) -> list[ComponentStatus]:
        """Return what is known of each component."""
        return [part.status() for part in self._parts.values()]

    def current_folder(self, name: str) -> Path:
        """Return the folder whose files are those in use; it may not exist yet.

        Raises:
            UpdatesError: there is no such component.
        """
        return self._part(name).current_folder

    def look_at_clock(self) -> None:
        """Look whether attempts are due: a test's clock moves without anybody waking up."""
        for part in self._parts.values():
            part.look_at_clock()

    def _check_loaded(self) -> None:
        if not self._is_loaded:
            raise UpdatesError(f"{self._folder} cannot be used; see the log")

    def _part(self, name: str) -> ComponentUpdates:
        if name not in self._parts:
            known = ", ".join(self._parts)
            raise UpdatesError(f"there is no component {name[:80]!r}; there are {known}")
        return self._parts[name]

    def _take_folder(self) -> None:
        """Keep others off the folder for as long as we live: the kernel gives it up after us."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(_FOLDER_MODE)  # whatever the umask
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self._folder / LOCK, flags, 0o600)
        if not SystemFiles().lock(fd):
            os.close(fd)
            raise UpdatesError(f"another process keeps {self._folder}")
        self._lock = fd
