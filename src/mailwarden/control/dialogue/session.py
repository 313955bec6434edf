"""A session at the prompt, and the one line of a remote command."""

import json
from collections.abc import Sequence
from typing import Final, Generic

from mailwarden.control.dialogue.asker import Asker
from mailwarden.control.dialogue.batch import Batch
from mailwarden.control.dialogue.builtin import EXIT, HELP, unknown_command
from mailwarden.control.dialogue.completion import JSON_OPTION, complete_command
from mailwarden.control.dialogue.console import Console, IdleError
from mailwarden.control.dialogue.declaration import Catalog, Command, Commit, D, RefusedError
from mailwarden.control.dialogue.interactive import Interactive
from mailwarden.control.dialogue.scope import Host, Run
from mailwarden.control.dialogue.terminal import (
    ClosedError,
    EndOfTextError,
    History,
    InterruptError,
    Terminal,
)
from mailwarden.control.dialogue.text import LineError
from mailwarden.control.dialogue.walk import Walk
from mailwarden.control.dialogue.words import Word, read_words

DONE: Final = 0
FAILED: Final = 1
PENDING_MARK: Final = "* "  # in front, so that what waits for `name> ` at the end still finds it
ABANDONED: Final = "Abandoned."


class Session(Generic[D]):
    """Reads commands and carries them out. `catalog` need not have `help` and `exit`."""

    def __init__(self, catalog: Catalog[D], host: Host[D], terminal: Terminal) -> None:
        own = tuple(each for each in (HELP, EXIT) if catalog.find(each.name) is None)
        self._catalog: Catalog[D] = Catalog((*catalog.commands, *own))
        self._host = host
        self._console = Console(terminal, host.idle_seconds)
        self.complete: Final = complete_command(host, self._catalog, Interactive(self._console))
        self._has_left = False
        self.history: Final = History()

    def prompt(self) -> str:
        """Return the prompt (admin 1.2), with a mark while changes wait for a commit."""
        mark = PENDING_MARK if self._host.pending_changes() else ""
        return f"{mark}{self._host.name()}> "

    async def run(self) -> int:
        """Read and carry out commands until the session is left; return the last one's status.

        The end of the input, a closed terminal and a long silence end it without a question;
        what waits for a commit is the host's to drop.
        """
        try:
            return await self._read_and_run()
        except ClosedError:
            return FAILED

    async def run_once(self, line: str) -> int:
        """Carry out one line as a remote command does, without a prompt; return the exit status."""
        try:
            status = await self.run_line(line)
            await self._tell_discarded()
        except (ClosedError, IdleError):
            status = FAILED
        return status

    async def run_line(self, line: str) -> int:
        """Carry out one line; return 0 or 1.

        Raises:
            ClosedError, IdleError: the session is over.
        """
        try:
            words = list(read_words(line))
            is_json = _take_options(words)
        except LineError as error:
            return self._fail(f"Error: {error}")
        if not words:
            return DONE
        word = words[0].text
        command = self._catalog.find(word)
        if command is None:
            return self._fail(unknown_command(word))
        if not self._host.may(command.right):
            return self._fail(self._host.refuse(command.right))
        if is_json or len(words) > 1:
            return await self._run_batch(command, words[1:], is_json=is_json)
        return await self._run_dialogue(command)

    async def _read_and_run(self) -> int:
        status = DONE
        try:
            while not self._has_left:
                line = await self._next_line()
                if line is not None:
                    status = await self.run_line(line)
            await self._console.drain()
        except EndOfTextError:
            await self._tell_discarded()
        except IdleError:
            self._console.say("\nThe session has ended, as nothing was typed for too long.")
            await self._tell_discarded()
        return status

    async def _next_line(self) -> str | None:
        """Return a command line, or None when there was none to use."""
        try:
            line = await self._console.read_line(self.prompt(), self.complete, self.history)
        except InterruptError:
            return None
        except LineError as error:
            self._console.complain(f"Error: {error}")
            return None
        except EndOfTextError as end:
            if end.is_final:
                raise
            self._console.say("")
            return EXIT.name
        self.history.add(line)
        return line

    async def _run_dialogue(self, command: Command[D]) -> int:
        try:
            await self._take(command, Interactive(self._console))
        except RefusedError as refusal:
            return self._fail(str(refusal))
        except (InterruptError, EndOfTextError):
            # Where the input is at its end, the next read at the prompt ends the session.
            return self._fail(f"\n{ABANDONED}")
        return DONE

    async def _run_batch(self, command: Command[D], words: Sequence[Word], *, is_json: bool) -> int:
        if not command.has_batch:
            return self._fail(f"Error: {command.name} is a dialogue; enter it without more words")
        batch = Batch(words, self._console, collects=is_json)
        try:
            await self._take(command, batch)
        except RefusedError as refusal:
            return self._fail("Error: " + "; ".join(str(refusal).splitlines()))
        except InterruptError:
            return self._fail(f"Error: {ABANDONED}")
        except EndOfTextError:
            return self._fail("Error: the input ended before the answer came")
        if is_json:
            found = {"data": batch.data, "messages": batch.messages}
            self._console.say(json.dumps(found).replace("\x7f", "\\u007f"))  # the rest it escapes
        return DONE

    async def _take(self, command: Command[D], asker: Asker) -> None:
        """Do a command on a draft, and keep the draft once all of it is done."""
        run = Run(self._host, self._catalog, self._host.draft(), asker)
        await Walk(run, asker, self._console).take(command)
        if command.commit is Commit.NEEDED:
            self._host.keep(run.draft)
        self._has_left = self._has_left or run.has_left

    def _fail(self, text: str) -> int:
        self._console.complain(text)
        return FAILED

    async def _tell_discarded(self) -> None:
        count = self._host.pending_changes()
        if count:
            changes = "change" if count == 1 else "changes"
            self._console.complain(f"{count} uncommitted {changes} discarded")
        await self._console.drain()


def _take_options(words: list[Word]) -> bool:
    """Remove the global options from the front; return whether JSON is wanted.

    Raises:
        LineError: one of them is unknown.
    """
    is_json = False
    while words and words[0].is_option:
        option = words.pop(0).text
        if option != JSON_OPTION:
            raise LineError(f"{option} is not an option; there is {JSON_OPTION}")
        is_json = True
    return is_json
