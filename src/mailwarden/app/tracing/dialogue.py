"""What the client of a trace says, in which order: as a mail server that has one message."""

import base64
import ipaddress
from dataclasses import dataclass, field
from typing import Final

from mailwarden.app.tracing.ports import Recorder
from mailwarden.app.tracing.report import Exchange
from mailwarden.app.tracing.request import TraceRequest
from mailwarden.app.tracing.wire import Client, ClientTlsError
from mailwarden.mailflow.listener.session import Session

_ANY_PASSWORD: Final = "trace"  # noqa: S105  any is right


@dataclass(slots=True)
class Step:
    """An exchange, and which events of the log it led to."""

    exchange: Exchange
    first_event: int
    last_event: int  # the first one that came later

    @property
    def is_taken(self) -> bool:
        """Whether the session agreed."""
        return 200 <= self.exchange.code < 400


@dataclass(slots=True)
class Dialogue:
    """All that was said, by station."""

    connection: list[Step] = field(default_factory=list)
    sender: Step | None = None
    recipients: list[tuple[str, Step, tuple[str, ...]]] = field(default_factory=list)
    content: list[Step] = field(default_factory=list)
    failure: str = ""  # why the client gave up; "" is that it did not

    @property
    def is_accepted(self) -> bool:
        """Whether the message was taken."""
        return len(self.content) > 1 and self.content[-1].is_taken


class Speaker:
    """Leads one conversation; `dialogue` grows with it."""

    def __init__(
        self, request: TraceRequest, session: Session, client: Client, recorder: Recorder
    ) -> None:
        self._request: Final = request
        self._session: Final = session
        self._client: Final = client
        self._recorder: Final = recorder
        self._content: Final = request.wire_content
        self._offers: frozenset[str] = frozenset()
        self.dialogue: Final = Dialogue()

    async def speak(self, *, first: bytes, has_implicit_tls: bool) -> None:
        """Say all that there is to say; stop at what leaves no message to be taken."""
        try:
            await self._speak(first, has_implicit_tls=has_implicit_tls)
        except ClientTlsError as error:
            self.dialogue.failure = f"there is no TLS: {error}"
        await self._client.leave()

    async def _speak(self, first: bytes, *, has_implicit_tls: bool) -> None:
        if not await self._open(first, has_implicit_tls=has_implicit_tls):
            return
        has_logged_in = not self._request.user or await self._log_in()
        if not has_logged_in or not await self._name_sender():
            return
        await self._name_recipients()
        if any(step.is_taken for _, step, _ in self.dialogue.recipients):
            await self._send_content()

    async def _open(self, first: bytes, *, has_implicit_tls: bool) -> bool:
        connection = self.dialogue.connection
        mark = len(self._recorder.events)
        greeting = await self._client.connect(first, is_encrypted=has_implicit_tls)
        step = self._step(greeting, mark)
        connection.append(step)
        if not step.is_taken or not await self._hello():
            return False
        if not self._request.is_encrypted or has_implicit_tls:
            return True
        if "STARTTLS" not in self._offers:
            self.dialogue.failure = "STARTTLS is not offered"
            return False
        step = await self._say("STARTTLS")
        connection.append(step)
        if not step.is_taken:
            return False
        await self._client.begin_tls()
        return await self._hello()

    async def _hello(self) -> bool:
        step = await self._say(f"EHLO {self._request.helo or self._literal()}")
        self.dialogue.connection.append(step)
        self._offers = frozenset(line.partition(" ")[0].upper() for line in step.exchange.lines[1:])
        return step.is_taken

    def _literal(self) -> str:
        address = ipaddress.ip_address(self._request.client_address)
        return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"

    async def _log_in(self) -> bool:
        if "AUTH" not in self._offers:
            self.dialogue.failure = "AUTH is not offered"
            return False
        user = self._request.user
        secret = f"\0{user}\0{_ANY_PASSWORD}".encode()
        line = f"AUTH PLAIN {base64.b64encode(secret).decode('ascii')}"
        step = await self._say(line, f"AUTH PLAIN (as {user})")
        self.dialogue.connection.append(step)
        return step.is_taken

    async def _name_sender(self) -> bool:
        request, content = self._request, self._content
        line = f"MAIL FROM:<{request.sender}>"
        if "SIZE" in self._offers:
            line += f" SIZE={len(content)}"
        if "8BITMIME" in self._offers and not content.isascii():
            line += " BODY=8BITMIME"
        addresses = (request.sender, *request.recipients)
        if "SMTPUTF8" in self._offers and not all(map(str.isascii, addresses)):
            line += " SMTPUTF8"
        self.dialogue.sender = await self._say(line)
        return self.dialogue.sender.is_taken

    async def _name_recipients(self) -> None:
        for recipient in self._request.recipients:
            before = self._known()
            step = await self._say(f"RCPT TO:<{recipient}>")
            added = self._known()[len(before) :]
            self.dialogue.recipients.append((recipient, step, added))
            if self._client.is_closed:
                return

    def _known(self) -> tuple[str, ...]:
        transaction = self._session.transaction
        return tuple(each.address for each in transaction.recipients) if transaction else ()

    async def _send_content(self) -> None:
        content = self.dialogue.content
        if self._client.is_closed:
            return
        content.append(await self._say("DATA"))
        if content[-1].exchange.code != 354:
            return
        mark = len(self._recorder.events)
        sent = await self._client.send_content(self._content)
        content.append(self._step(sent, mark))

    async def _say(self, line: str, shown: str = "") -> Step:
        mark = len(self._recorder.events)
        return self._step(await self._client.say(line, shown), mark)

    def _step(self, exchange: Exchange, mark: int) -> Step:
        return Step(exchange, mark, len(self._recorder.events))
