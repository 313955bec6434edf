"""What a worker answers to an administrator, about its own part of the mail."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mailwarden.app.commands_list import (
    Pace,
    archive,
    client_pages,
    find_oldest,
    list_pages,
)
from mailwarden.app.commands_queue import (
    NAME_LENGTH_MAX,
    OPERATIONS,
    PROGRESS_SECONDS,
    QueueCommands,
    selection_of,
)
from mailwarden.app.commands_reputation import ABOUT_HOSTS, answer_about_hosts
from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.mail.received import UNDECIDED, resolve_by
from mailwarden.mailflow.delivery.deleted import is_deleted
from mailwarden.mailflow.delivery.header import MISSING, header_values
from mailwarden.mailflow.origination.letters import LetterError
from mailwarden.stores.spool.spool import DamagedError, Entry, SpoolFailure, State, Stored
from mailwarden.stores.spool.table import DAMAGED

if TYPE_CHECKING:  # the gateway is handed in; importing it would pull the whole mail path
    from mailwarden.app.wiring import Gateway

SHOWN_RECIPIENTS_MAX: Final = 20  # of one message in a list
ALIVE_SECONDS: Final = 2.0  # between two signs of life of what may take long
SHOWN_HEADER_BYTES: Final = 16 * 1024
TLS_REPORTS: Final = ("tls_reports", "tls_reports_close", "tls_reports_send")

Answer = dict[str, Any]


def _header(stored: Stored) -> str:
    """Return the message's header, as far as it is shown."""
    head = resolve_by(stored.header, UNDECIDED)
    with suppress(DamagedError, OSError):  # of content in a file of its own; the spool holds it now
        head += stored.content.read(SHOWN_HEADER_BYTES)
    return head.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")


def _subject(stored: Stored) -> str:
    with suppress(DamagedError, OSError):
        ((_, subject),) = header_values(stored, ("Subject",))
        return "" if subject == MISSING else subject
    return ""


class Commands:
    """Translates requests from the control socket to calls of the gateway's parts."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def answers(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """Yield the answers to `request`; one that makes no sense gets an error."""
        if request.get("command") in ABOUT_HOSTS:
            try:
                yield await answer_about_hosts(self._gateway, request)
            except (KeyError, ValueError) as error:
                yield {"error": f"request not understood: {error}"}
            return
        if request.get("command") == "call_ahead_test":
            async for answer in self._test_call_ahead(request):
                yield answer
            return
        if request.get("command") == "originate":
            yield await self._originate(request)
            return
        if request.get("command") == "tls_verify":
            async for answer in self._verify_tls(request):
                yield answer
            return
        if request.get("command") not in OPERATIONS:
            pace = Pace(PROGRESS_SECONDS)
            for answer in self.answer(request):
                if pace.is_told(answer):
                    yield answer
                else:
                    await asyncio.sleep(0)
            return
        try:
            async for answer in QueueCommands(self._gateway).answers(request):
                yield answer
        except (TypeError, ValueError) as error:
            yield {"error": f"request not understood: {error}"}

    def answer(self, request: Answer) -> Iterator[Answer]:
        """Yield the answers to a `request` that takes no more than a look at each message."""
        try:
            if request.get("command") in TLS_REPORTS:
                yield from self._answer_reports(request["command"])
            else:
                yield from self._answer(request)
        except (KeyError, TypeError, ValueError) as error:
            yield {"error": f"request not understood: {error!r}"}
        except (DamagedError, SpoolFailure, OSError) as error:
            yield {"error": str(error)}

    def _answer(self, request: Answer) -> Iterator[Answer]:
        match request.get("command"):
            case "queue_list":
                entries = self._gateway.spool.entries()
                yield from self._list((e for e in entries if not is_deleted(e)), request)
            case "queue_deleted":
                entries = self._gateway.delivery.deleted.entries()
                yield from self._list((e for e in entries if is_deleted(e)), request)
            case "queue_oldest":
                yield from find_oldest(self._gateway.spool.entries(), self._show)
            case "queue_archive":
                as_received = request.get("as_received") is True
                mid = int(request["mid"])
                yield from archive(self._gateway.spool, mid, has_own_header=not as_received)
            case "queue_show":
                yield self._show(int(request["mid"]))
            case "queue_hold":
                yield self._hold(int(request["mid"]))
            case "queue_release":
                yield self._release(int(request["mid"]))
            case "queue_retry":
                retried = self._gateway.delivery.retry_now(request.get("domain") or None)
                yield {"retried": retried.tried, "unseen": retried.unseen}
            case _:
                yield from self._answer_about_gateway(request)

    def _answer_about_gateway(self, request: Answer) -> Iterator[Answer]:
        gateway = self._gateway
        match request.get("command"):
            case "status":
                yield gateway.status()
            case "gauges":
                yield {"gauges": gateway.gauges(), "counters": gateway.all_counters()}
            case "queue_top_in":
                yield from ({"clients": page} for page in client_pages(gateway.listeners))
            case "queue_hosts" if request.get("domain"):
                for row in gateway.delivery.hosts.details(str(request["domain"])):
                    yield {"hosts": [row]} if row else {}
            case "queue_hosts":
                yield from ({"hosts": rows} for rows in gateway.delivery.hosts.rows())
            case "dnsflush":
                yield {"flushed": gateway.flush_dns()}
            case "dnslistflush":
                yield {"flushed": gateway.dns_lists.flush() + gateway.reputation.flush_lists()}
            case "call_ahead_flush":
                yield self._flush_call_ahead(str(request.get("profile") or ""))
            case other:
                yield {"error": f"this gateway does not know the command {other!r}"}

    async def _test_call_ahead(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """Yield what a server says of a recipient; empty answers before it are signs of life."""
        name, address = str(request.get("profile")), str(request.get("address"))
        asker = self._gateway.call_aheads.find(name)
        if asker is None:
            yield {"error": f"there is no call-ahead profile {name[:100]!r}"}
            return
        asking = asyncio.ensure_future(asker.test(address))
        try:
            while not (await asyncio.wait((asking,), timeout=ALIVE_SECONDS))[0]:
                yield {}
        finally:
            asking.cancel()
        answer = asking.result()
        yield {
            "address": address,
            "finding": answer.finding.value,
            "server": answer.server,
            "detail": answer.detail,
            "action": asker.profile.action_after(answer.finding),
        }

    async def _originate(self, request: Answer) -> Answer:
        """Return the MID of a mail that an administrator has the gateway send."""
        mail, to = request.get("mail"), request.get("to")
        if not isinstance(mail, str) or not isinstance(to, list):
            return {"error": "request not understood: `mail` is a text, `to` a list"}
        by = str(request.get("by") or "unknown")[:NAME_LENGTH_MAX]
        try:
            content = mail.encode("utf-8", "surrogatepass")
            return {"mid": await self._gateway.letters.send(content, [*map(str, to)], by)}
        except LetterError as error:
            return {"error": str(error)}
        except SpoolFailure as failure:
            return {"error": f"the spool does not take it: {failure.detail}"}

    async def _verify_tls(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """Yield the steps as they are taken; empty answers in between are signs of life."""
        steps: asyncio.Queue[Answer] = asyncio.Queue()
        domain, host = str(request.get("domain")), str(request.get("host") or "")
        verifying = asyncio.ensure_future(
            self._gateway.delivery.verify_tls(domain, host, steps.put_nowait)
        )
        try:
            while not verifying.done() or not steps.empty():
                step: Answer = {}
                with suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_SECONDS):
                        step = await steps.get()
                yield step
                if step.get("done"):
                    return
        finally:
            verifying.cancel()
        verifying.result()

    def _flush_call_ahead(self, name: str) -> Answer:
        askers = [each for each in self._gateway.call_aheads if name in ("", each.name)]
        if name and not askers:
            return {"error": f"there is no call-ahead profile {name[:100]!r}"}
        return {"flushed": sum(asker.flush() for asker in askers)}

    def _answer_reports(self, command: str) -> Iterator[Answer]:
        results = self._gateway.transport.results
        if command == "tls_reports":
            yield from ({"reports": rows} for rows in results.pages())
        elif command == "tls_reports_close":
            results.close_all()
            yield {"closed": True}
        elif self._gateway.config.delivery.tls_reports.enabled:
            yield {"domains": results.send_now()}
        else:
            yield {"error": "`delivery.tls_reports.enabled` is off"}

    def _list(self, entries: Iterable[Entry], request: Answer) -> Iterator[Answer]:
        selection, limit = selection_of(request), int(request.get("limit") or 0)
        return list_pages(entries, selection, self._load, self._row, limit)

    def _row(self, entry: Entry) -> Answer:
        stored = self._load(entry)  # first, as it may find that the message is to be held
        row: Answer = {
            "mid": entry.mid,
            "state": entry.state.name.lower(),
            "received_at": entry.received_at,
            "size": entry.size,
            "hold": entry.hold,
        }
        held = entry.held
        if held is not None and is_deleted(entry):
            until = self._gateway.delivery.deleted.until(held)
            row.update(state="deleted", hold="", kept_until=until)
        if stored is None:
            return row
        envelope = stored.envelope
        open_rids = list(islice(entry.open_rids(len(envelope.recipients)), SHOWN_RECIPIENTS_MAX))
        progress = entry.progress or {}
        waits = [progress[rid] for rid in open_rids if rid in progress]
        row.update(
            sender=envelope.sender,
            subject=_subject(stored),
            rids=open_rids,
            recipients=[envelope.recipients[rid].address for rid in open_rids],
            recipients_open=entry.pending,
            attempts=max((wait.attempts for wait in waits), default=entry.attempts),
            next_attempt_at=min((wait.next_attempt_at for wait in waits), default=None),
            reason=next((wait.reason for wait in waits if wait.reason), ""),
        )
        if entry.deferred is not None:  # before delivery, by a stage of the work queue
            at, reason = entry.deferred
            row.update(attempts=entry.attempts, next_attempt_at=at, reason=reason)
        return row

    def _show(self, mid: int) -> Answer:
        entry = self._gateway.spool.get(mid)
        if entry is None:
            return {"found": False}
        answer = {"found": True, **self._row(entry)}
        stored = self._load(entry)
        if stored is not None:
            envelope = stored.envelope
            settled = entry.settled or set()
            progress = entry.progress or {}
            answer["envelope"] = {
                "icid": envelope.icid,
                "listener": envelope.listener,
                "client": envelope.client_address,
                "client_name": envelope.client_name,
                "helo": envelope.helo,
                "user": envelope.user,
                "direction": envelope.direction.value,
                "policy": envelope.policy,
                "parent": envelope.parent,
            }
            answer["recipients"] = [
                {
                    "rid": rid,
                    "address": recipient.address,
                    "state": "settled" if rid in settled else "waiting",
                    **(progress[rid]._asdict() if rid in progress else {}),
                    **self._redirected(entry, envelope, rid),
                }
                for rid, recipient in enumerate(envelope.recipients[:1000])
            ]
            answer["header"] = _header(stored)
        return answer

    def _redirected(self, entry: Entry, envelope: Envelope, rid: int) -> Answer:
        to = self._gateway.delivery.redirected(entry, envelope, rid)
        return {"redirected_to": to} if to else {}

    def _load(self, entry: Entry) -> Stored | None:
        if entry.hold == DAMAGED:  # known, and told: to try again would tell it again
            return None
        try:
            return entry.stored or self._gateway.spool.load(entry)
        except (DamagedError, SpoolFailure):
            return None

    def _hold(self, mid: int) -> Answer:
        entry = self._gateway.spool.get(mid)
        if entry is None or entry.state is State.HELD:
            return _unchanged(entry, "held")
        self._gateway.hold(entry)
        return {"found": True, "held": True}

    def _release(self, mid: int) -> Answer:
        entry = self._gateway.spool.get(mid)
        if entry is None or entry.state is not State.HELD or is_deleted(entry):
            return _unchanged(entry, "released")
        self._gateway.release(entry)
        return {"found": True, "released": True}


def _unchanged(entry: Entry | None, what: str) -> Answer:
    if entry is None:
        return {"found": False, what: False}
    answer = {"found": True, what: False}
    return {**answer, "deleted": True} if is_deleted(entry) else answer
