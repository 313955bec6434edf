"""Speaks to an SMTP server as far as EHLO, and says what comes of each step (SMTPPING)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.lookups import addresses_of
from mailwarden.system.log.escape import escape

CONNECT_SECONDS: Final = 15.0
REPLY_SECONDS: Final = 30.0
LINE_BYTES_MAX: Final = 2048
LINES_MAX: Final = 100  # of a reply


class SmtpStep(NamedTuple):
    """One step; the last one has `is_last`, and `is_good` where the server was there."""

    text: str
    is_last: bool = False
    is_good: bool = False


class _BrokenError(Exception):
    """The server does not speak SMTP; the message says what it did."""


async def smtp_ping(desk: Desk, host: str, port: int) -> AsyncIterator[SmtpStep]:
    """Yield the steps of a conversation with a server; no mail is sent.

    Raises:
        RefusedOperationError: it has no address.
    """
    desk.require("diagnostic")
    desk.record("smtpping", f"{host}:{port}")
    addresses = await addresses_of(desk, "diagnostic", host)
    yield SmtpStep(f"{host} is {', '.join(addresses)}")
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(address, port, limit=LINE_BYTES_MAX)
        except TimeoutError:
            yield SmtpStep(f"{address} port {port}: no answer in {CONNECT_SECONDS:g} seconds")
            continue
        except OSError as error:
            yield SmtpStep(f"{address} port {port}: {error.strerror or error}")
            continue
        try:
            yield SmtpStep(f"Connected to {address} port {port}")
            async for step in _talk(reader, writer, desk.administration.config.hostname):
                yield step
        finally:
            writer.close()
        return
    yield SmtpStep("The server cannot be reached.", is_last=True)


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str
) -> AsyncIterator[SmtpStep]:
    try:
        greeting = await _reply(reader)
        yield SmtpStep("\n".join(greeting))
        if not greeting[-1].startswith("2"):
            yield SmtpStep("The server takes no mail now.", is_last=True)
            return
        writer.write(f"EHLO {name}\r\n".encode("ascii", "replace"))
        answer = await _reply(reader)
        yield SmtpStep(f"EHLO {name}")
        yield SmtpStep("\n".join(answer))
        writer.write(b"QUIT\r\n")
        is_good = answer[-1].startswith("2")
        said = "The server answers." if is_good else "The server does not want EHLO."
        yield SmtpStep(said, is_last=True, is_good=is_good)
    except _BrokenError as error:
        yield SmtpStep(str(error), is_last=True)
    except OSError as error:
        yield SmtpStep(f"The connection broke: {error.strerror or error}", is_last=True)


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """Return the lines of a reply (RFC 5321, 4.2.1), fit to be shown."""
    lines: list[str] = []
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            while len(lines) < LINES_MAX:
                line = await reader.readline()
                if not line.endswith(b"\n"):
                    raise _BrokenError("The server has closed the connection.")
                lines.append(escape(line.rstrip(b"\r\n").decode("utf-8", "replace")))
                if not line[:3].isdigit():
                    raise _BrokenError(f"That is no SMTP: {lines[-1]}")
                if line[3:4] != b"-":
                    return lines
    except TimeoutError:
        raise _BrokenError(f"No reply came in {REPLY_SECONDS:g} seconds.") from None
    except ValueError:
        raise _BrokenError("A line of the reply has no end.") from None
    raise _BrokenError("The reply has no end.")
