"""How a command ends: its exit code, and what a person reads when it cannot do what was asked."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told; documented in docs/reference/commands.md."""

    DONE = 0
    PROBLEM = 1  # something is wrong: with the configuration, a message, the spool
    USAGE = 2  # the command was not understood
    NOT_RUNNING = 3  # no gateway answers


class CommandError(Exception):
    """A command cannot go on. `what` says what is wrong, `advice` what to do; a line each."""

    def __init__(self, what: str, advice: str = "", code: ExitCode = ExitCode.PROBLEM) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.code = code
