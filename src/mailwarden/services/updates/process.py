"""The process of one attempt as the gateway sees it: started, listened to, killed when it hangs."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from mailwarden.services.updates.job import (
    LINE_BYTES_MAX,
    Job,
    Result,
    encode_line,
    parse_report,
)

GRACE_SECONDS: Final = 5.0  # over the limit of a file, for the process to see by itself
STEPS_MAX: Final = 100  # of an attempt
REAP_SECONDS: Final = 1.0  # for a killed process to be gone; one that the disk holds is left alone
_MODULE: Final = "mailwarden.services.updates.attempt"


class AttemptError(Exception):
    """An attempt came to no result; the message says why."""


# Does a job in a process of its own. Ends the process when it is cancelled.
Run = Callable[[Job, Callable[[str], None]], Awaitable[Result]]


async def run_attempt(
    job: Job, tell: Callable[[str], None], *, grace_seconds: float = GRACE_SECONDS
) -> Result:
    """Do the job in a process of its own; `tell` hears each step.

    No step takes longer than a file may, and `grace_seconds` for the process to see that by itself.

    Raises:
        AttemptError: the process hangs, and was killed; or it broke.
        OSError: no process can be started.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE,
        stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX, start_new_session=True,
    )  # fmt: skip
    try:
        return await _listen(process, job, tell, job.settings.file_timeout_seconds + grace_seconds)
    finally:
        await _end(process)


async def _listen(
    process: Process, job: Job, tell: Callable[[str], None], seconds: float
) -> Result:
    assert process.stdin is not None
    assert process.stdout is not None
    step = "starting"
    with suppress(ConnectionError):  # it ended before; its silence says so below
        process.stdin.write(encode_line(job))
    for _ in range(STEPS_MAX):
        try:
            async with asyncio.timeout(seconds):
                line = await process.stdout.readline()
            if not line:
                raise AttemptError(f"the attempt broke off while {step}")
            report = parse_report(line)
        except TimeoutError:
            raise AttemptError(f"killed: nothing happened for {seconds:g} s while {step}") from None
        except ValueError as error:  # or a line without an end
            raise AttemptError(f"the attempt makes no sense: {error}") from error
        if isinstance(report, Result):
            return report
        step = report.text
        tell(step)
    raise AttemptError("the attempt does not come to an end")


async def _end(process: Process) -> None:
    """Kill the process, if it is still there, with whatever it has started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(REAP_SECONDS):
            await process.wait()
