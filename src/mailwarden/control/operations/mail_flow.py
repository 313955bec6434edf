"""Suspending and resuming, the work queue, the end of the gateway and its restart (admin 1.6)."""

from collections.abc import Sequence
from typing import Final

from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.gateway import Answer, Request

GRACE_SECONDS: Final = 30  # CLI-54
GRACE_SECONDS_MAX: Final = 86_400


async def suspend(
    desk: Desk,
    command: str,
    *,
    delivery: bool = False,
    listeners: Sequence[str] | None = (),
    grace_seconds: int = GRACE_SECONDS,
) -> list[str]:
    """Stop delivery or listeners, in the name of `command`; return what was running until now.

    None as `listeners` is all of them. What is open has `grace_seconds` to finish; it lasts until
    it is resumed, also after a restart.
    """
    desk.require(command)
    wanted: Request = {"command": "queue_suspend", "grace_seconds": grace_seconds}
    return await _switch(desk, command, wanted, delivery=delivery, listeners=listeners)


async def resume(
    desk: Desk, command: str, *, delivery: bool = False, listeners: Sequence[str] | None = ()
) -> list[str]:
    """Let delivery or listeners go on, as `suspend` stops them; return what was suspended."""
    desk.require(command)
    wanted: Request = {"command": "queue_resume"}
    return await _switch(desk, command, wanted, delivery=delivery, listeners=listeners)


async def pause_work_queue(desk: Desk) -> None:
    """Stop the work queue: mail is taken and kept, and goes no further."""
    desk.require("workqueue pause")
    await first_of(desk, {"command": "pause"})
    desk.record("workqueue pause", "")


async def resume_work_queue(desk: Desk) -> None:
    """Let the work queue go on."""
    desk.require("workqueue resume")
    await first_of(desk, {"command": "resume"})
    desk.record("workqueue resume", "")


async def shut_down(desk: Desk, grace_seconds: int = GRACE_SECONDS) -> None:
    """End the gateway, once what is open has finished or the time is up."""
    await _end(desk, "shutdown", "shutdown", grace_seconds)


async def restart(desk: Desk, grace_seconds: int = GRACE_SECONDS) -> None:
    """End all processes as `shut_down` does, and start them again."""
    await _end(desk, "reboot", "restart", grace_seconds)


async def _end(desk: Desk, action: str, command: str, grace_seconds: int) -> None:
    desk.require(action)
    desk.record(action, f"{grace_seconds} seconds")  # before, as afterwards nobody can
    await first_of(desk, {"command": command, "grace_seconds": grace_seconds})


async def _switch(
    desk: Desk, action: str, wanted: Request, *, delivery: bool, listeners: Sequence[str] | None
) -> list[str]:
    requests = [{**wanted, "listener": name} for name in listeners or ()]
    if listeners is None:
        requests.append({**wanted, "all_listeners": True, "delivery": delivery})
    elif delivery:
        requests.append({**wanted, "delivery": True})
    changed: list[str] = []
    try:
        for request in requests:
            answer: Answer = await first_of(desk, request)
            changed += map(str, answer.get("changed") or ())
    finally:
        if changed:
            desk.record(action, ", ".join(changed))
    return changed
