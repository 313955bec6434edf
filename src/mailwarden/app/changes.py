"""Makes the gateway work by another configuration: from the file, the shell, or a commit.

One at a time. What cannot be worked by is taken back, and no version of it stays.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from mailwarden.app import bounce_key_requests
from mailwarden.app.accepted import Accepted, from_memory
from mailwarden.app.configurations import Configurations
from mailwarden.app.keeper import Applied, By
from mailwarden.app.supervisor_log import SupervisorLog
from mailwarden.app.switches import administrator_in
from mailwarden.control.answers.table import count_of
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations.versions import Texts
from mailwarden.stores.configuration.errors import StoreError

WARNINGS_LOGGED_MAX: Final = 20  # about tables, at one reload
COMMANDS: Final = (
    "config_apply",
    "config_roll_back",
    "certificates_hand_out",
    bounce_key_requests.COMMAND,
)

Answer = dict[str, Any]  # `problems`, with which nothing has changed, and `notes`


class Changeable(Protocol):
    """The supervisor."""

    @property
    def log(self) -> SupervisorLog:
        """Where it says what happens."""
        ...

    @property
    def accepted(self) -> Accepted:
        """What it works by."""
        ...

    async def work_by(self, accepted: Accepted) -> list[str]:
        """Work by `accepted`; return why that cannot be, or raise OSError."""
        ...

    def note_what_waits(self) -> list[str]:
        """Say, and return, what waits for the next start."""
        ...

    def tell_management(self) -> None:
        """Tell the management process that there is another version."""
        ...


class Changes:
    """Those of one gateway, whose configuration file is `path`."""

    def __init__(self, path: Path, source: Configurations, gateway: Changeable) -> None:
        self._path: Final = path
        self._source: Final = source
        self._gateway: Final = gateway
        self._turn: Final = asyncio.Lock()

    async def reload(self) -> Answer:
        """Read the file anew, and work by what it changes; return what came of it.

        All workers that are ready have followed then.
        """
        return await self._change(lambda: self._source.apply_file(By()))

    async def by_request(self, request: dict[str, Any]) -> Answer:
        """Do one of COMMANDS, from the system's shell or the management process."""
        if request["command"] == "certificates_hand_out":
            return await self.hand_out_certificates()
        if request["command"] == bounce_key_requests.COMMAND:
            return await self.bounce_keys(request)
        by = By(administrator_in(request), str(request.get("comment") or ""))
        if request["command"] == "config_roll_back":
            number = request.get("version")
            if not isinstance(number, int):
                return {"problems": ["a version is a number"], "notes": []}
            return await self._change(lambda: self._source.roll_back(number, by))
        name = request.get("file")
        path = Path(name) if isinstance(name, str) else None
        if path is None and not request.get("overwrite"):
            return await self._change(lambda: self._source.apply_file(by))
        return await self._change(lambda: self._source.replace(path, by))

    async def activate(self, number: int, texts: int) -> Answer:
        """Work by version `number`, whose texts are in the file `texts`, which is closed.

        Whoever asks keeps the version, or forgets it.
        """
        async with self._turn:
            try:
                text, tables, _ = from_memory(texts)
                problems = await self._work_by(Texts(number, text, tables))
            except OSError as error:
                problems = [str(error)]
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
        notes = [] if problems else self._gateway.note_what_waits()
        return {"problems": problems, "notes": notes}

    async def hand_out_certificates(self) -> Answer:
        """Hand those that the gateway keeps to the workers again, as one has been renewed."""
        async with self._turn:
            try:
                accepted, notes = self._source.with_pairs(self._gateway.accepted)
                self._warn_of(notes)
                if accepted.pairs == self._gateway.accepted.pairs:
                    return {"problems": [], "notes": []}
                problems = await self._gateway.work_by(accepted)
            except OSError as error:
                problems = [str(error)]
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
        return {"problems": problems, "notes": []}

    async def bounce_keys(self, request: dict[str, Any]) -> Answer:
        """Look at the keys of bounce verification, or change them and let all workers have them."""
        async with self._turn:
            accepted = self._gateway.accepted
            try:
                handled = bounce_key_requests.handle(request, accepted.config)
                problems = await self._gateway.work_by(accepted) if handled.done else []
            except (OSError, ValueError) as error:
                return {"error": str(error)}
        if handled.done:
            by = administrator_in(request) or "an administrator"
            self._gateway.log.info(f"Bounce verification: {handled.done}, by {by}")
        return {**handled.answer, "problems": problems}

    async def settled(self) -> None:
        """Wait until no change is under way: then it is known which version is in force."""
        async with self._turn:
            pass

    def warn(self) -> None:
        """Say what stands in tables of the file without effect."""
        warnings = self._source.file_warnings
        for warning in warnings[:WARNINGS_LOGGED_MAX]:
            self._gateway.log.warning(f"Configuration: {warning}")
        more = len(warnings) - WARNINGS_LOGGED_MAX
        if more > 0:
            self._gateway.log.warning(
                f"Configuration: {count_of(more, 'warning')} more about tables"
            )

    async def _change(self, apply: Callable[[], Applied]) -> Answer:
        """Work by what `apply` makes."""
        async with self._turn:
            number = 0
            try:
                applied = apply()
                number = applied.texts.number
                if applied.why:
                    return self._unchanged([f"{self._path}: {applied.why}"])
                problems = [f"{self._path}: {each}" for each in await self._put_in_force(applied)]
            except (OSError, StoreError) as error:
                problems = [f"{self._path}: {error}"]
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
        if problems:
            return self._unchanged(problems)
        self.warn()
        self._gateway.tell_management()
        return {"problems": [], "notes": self._gateway.note_what_waits(), "version": number}

    async def _put_in_force(self, applied: Applied) -> list[str]:
        """Work by what was applied, and keep it; return why that cannot be.

        Where it cannot be kept, as on a full disk, the gateway goes back: what it works by is what
        a start would bring.
        """
        before = self._gateway.accepted
        is_in_force = False
        try:
            problems = await self._work_by(applied.texts)
            if not problems:
                try:
                    self._source.finish(applied)
                except (StoreError, OSError):
                    await self._gateway.work_by(before)
                    raise
                is_in_force = True
            return problems
        finally:
            if not is_in_force:
                self._source.abandon(applied)

    async def _work_by(self, texts: Texts) -> list[str]:
        accepted, notes = self._source.with_pairs(self._source.accept(texts))
        self._warn_of(notes)
        return await self._gateway.work_by(accepted)

    def _warn_of(self, notes: Sequence[str]) -> None:
        for note in notes:
            self._gateway.log.warning(note)

    def _unchanged(self, problems: list[str]) -> Answer:
        for problem in problems:
            self._gateway.log.warning(f"Configuration not reloaded: {problem}")
        return {"problems": problems, "notes": []}
