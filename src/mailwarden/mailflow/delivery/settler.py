"""What becomes of recipients after an attempt: log, spool and reports (mailflow 7.5, 8.5)."""

from collections.abc import Callable, Sequence
from typing import Final

from mailwarden.core.mail.envelope import Envelope, Notify, Recipient, domain_of
from mailwarden.core.policy.bounce_profile import (
    ResolvedProfile,
    is_expired,
    is_warning_due,
    retry_delay,
)
from mailwarden.core.policy.destinations import DestinationLimits
from mailwarden.core.policy.unsubscribe import UnsubscribeAction
from mailwarden.mailflow.delivery.counters import Counters
from mailwarden.mailflow.delivery.failure import (
    BY_ADMINISTRATOR,
    EXPIRED,
    NO_REPLY,
    UNSUBSCRIBED,
    Failure,
    unsubscribed,
)
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import Unit
from mailwarden.mailflow.delivery.retry import (
    wants_delay_report,
    wants_failure_report,
    wants_success_report,
)
from mailwarden.stores.spool.spool import (
    Entry,
    Progress,
    Report,
    ReportKind,
    Settlement,
    Spool,
    Stored,
)
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

Failures = Sequence[tuple[int, Failure]]  # by RID
Headers = Sequence[tuple[str, str]]

DROPPED_BY: Final = "SMTP route /dev/null"
_UNSPECIFIED: Final = Notify.UNSPECIFIED


class Settler:
    """Turns what happened to recipients into what is recorded, logged and reported.

    `wait` is called with a unit and the seconds until its next attempt.
    """

    def __init__(
        self,
        plan: Plan,
        spool: Spool,
        log: MailLog,
        clock: Clock,
        counters: Counters,
        wait: Callable[[Unit, float], None],
    ) -> None:
        self.plan = plan
        self._spool: Final = spool
        self._log: Final = log
        self._clock: Final = clock
        self._counters: Final = counters
        self._wait: Final = wait
        self._started_at: Final = clock.time() - clock.monotonic()

    def delivered(
        self,
        unit: Unit,
        stored: Stored,
        rids: Sequence[int],
        dcid: int,
        *,
        response: str | None,
        report: ReportKind | None,
    ) -> None:
        """Settle `rids` as delivered; `response` is what the next hop said, if it did.

        Whoever asked to hear of it gets this `report`: RELAYED when the next hop does not know of
        reports, DELIVERED when we are the last, None when the next hop sees to it.
        """
        mid = unit.entry.mid
        self._log.message_done(dcid, mid, rids, self.plan.logged(stored))
        if response is not None:
            self._log.response(mid, rids, response)
        self._counters["messages_out"] += 1
        self._counters["delivered"] += len(rids)
        if unit.queue is not None:
            tally = unit.queue.tally
            tally.delivered += len(rids)
            tally.messages += 1
            tally.last_activity = self._clock.time()
        if report is not None:
            rids = self._report_success(unit, stored.envelope, rids, dcid, report)
        if rids and self._spool.settle(unit.entry, rids, Settlement.DELIVERED):
            self._log.finished(mid, "done")

    def _report_success(
        self, unit: Unit, envelope: Envelope, rids: Sequence[int], dcid: int, kind: ReportKind
    ) -> Sequence[int]:
        """Record the reports that were asked for; return the RIDs that need none."""
        recipients = envelope.recipients
        told = tuple(
            rid
            for rid in rids
            if recipients[rid].notify is not _UNSPECIFIED
            and wants_success_report(recipients[rid].notify)
        )
        if not told:
            return rids
        reason = "2.0.0 - Delivered" if kind is ReportKind.DELIVERED else "2.0.0 - Relayed"
        attempts, now = unit.attempts(), self._clock.time()
        self._spool.report(
            unit.entry, Report(kind, told, reason, attempts=attempts, at=now, dcid=dcid)
        )
        return tuple(rid for rid in rids if rid not in told)

    def dropped(self, unit: Unit, stored: Stored, dcid: int) -> None:
        """Settle the unit as dropped by its route: nobody is told (mailflow 7.1)."""
        mid, rids = unit.entry.mid, unit.rids
        self._log.message_done(dcid, mid, rids, self.plan.logged(stored))
        self._log.dropped(mid, rids, DROPPED_BY)
        self._counters["dropped"] += len(rids)
        if unit.queue is not None:
            unit.queue.tally.dropped += len(rids)
        if self._spool.settle(unit.entry, rids, Settlement.DROPPED):
            self._log.finished(mid, "done")

    def leave_subscribed(self, unit: Unit, stored: Stored) -> bool:
        """Settle those of `unit` on the global unsubscribe list; whether there are others."""
        index = self.plan.unsubscribed
        if index is None:
            return True
        failures: list[tuple[int, Failure]] = []
        rest: list[int] = []
        for rid in unit.open_rids():
            entry = index.find(stored.envelope.recipients[rid].address)
            if entry is None:
                rest.append(rid)
            else:
                failures.append((rid, unsubscribed(entry)))
        if failures:
            self._unsubscribe(unit, stored, failures)
            unit.rids = tuple(rest)
        return bool(rest)

    def _unsubscribe(self, unit: Unit, stored: Stored, failures: Failures) -> None:
        """Drop or bounce recipients on the list; the failures name the entries (mailflow 7.7)."""
        mid, action = unit.entry.mid, self.plan.settings.unsubscribe_action
        for rid, failure in failures:
            address = stored.envelope.recipients[rid].address
            self._log.global_unsubscribe(mid, rid, address, failure.lines[0], action.log_word)
        self._counters["global_unsubscribe_hits"] += len(failures)
        if action is UnsubscribeAction.BOUNCE:
            self._bounce(unit, stored, [(rid, Failure(UNSUBSCRIBED)) for rid, _ in failures])
            return
        self._counters["dropped"] += len(failures)
        if unit.queue is not None:
            unit.queue.tally.dropped += len(failures)
        rids = tuple(rid for rid, _ in failures)
        if self._spool.settle(unit.entry, rids, Settlement.DROPPED):
            self._log.finished(mid, "done")

    def failed(self, unit: Unit, stored: Stored, failures: Failures) -> None:
        """Bounce the recipients that failed for good, and let the others wait."""
        if not failures:
            return
        if failures[0][1].reason == UNSUBSCRIBED:
            self._unsubscribe(unit, stored, failures)
            return
        if unit.queue is not None and failures[0][1].dcid:
            unit.queue.tally.last_activity = self._clock.time()
        bounced = [pair for pair in failures if pair[1].is_permanent]
        delayed = [pair for pair in failures if not pair[1].is_permanent]
        if bounced:
            self._bounce(unit, stored, bounced)
        if delayed:
            self._delay(unit, stored, delayed)

    def give_up_if_expired(self, unit: Unit, stored: Stored) -> bool:
        """Bounce a unit that is due but too old for another attempt; return whether it was."""
        profile = self._profile(unit, stored.envelope)
        if not is_expired(profile, self.age(stored.envelope)):
            return False
        progress = unit.entry.progress or {}
        failures = []
        for rid in unit.open_rids():
            last = progress[rid].reason if rid in progress else ""
            failures.append((rid, Failure(EXPIRED, NO_REPLY, (last,) if last else ())))
        self._bounce(unit, stored, failures)
        return True

    def age(self, envelope: Envelope) -> float:
        """Return how long a message has waited, in seconds.

        The clock may have been set meanwhile: the smaller one of two ages counts, so that a clock
        that was set forth does not make a whole queue too old.
        """
        steady = self._started_at + self._clock.monotonic()
        return min(self._clock.time(), steady) - envelope.received_at

    def may_be_expired(self, received_at: float) -> bool:
        """Whether the message may be too old by some bounce profile; spares a look at it."""
        return self._clock.time() - received_at >= self.plan.queue_seconds_min

    def _profile(self, unit: Unit, envelope: Envelope) -> ResolvedProfile:
        limits = unit.queue.limits if unit.queue is not None else None
        return self.plan.profile(limits, envelope)

    def bounce_by_hand(self, entry: Entry, stored: Stored, rids: Sequence[int]) -> None:
        """Bounce `rids` because an administrator wants it."""
        envelope = stored.envelope
        failure = Failure(BY_ADMINISTRATOR)
        groups: dict[DestinationLimits, list[int]] = {}
        for rid in rids:
            limits = self.plan.destinations.find(domain_of(envelope.recipients[rid].address))
            groups.setdefault(limits, []).append(rid)
        for limits, group in groups.items():
            unit = Unit(entry, tuple(group), None)
            profile = self.plan.profile(limits, envelope)
            self._bounce(unit, stored, [(rid, failure) for rid in group], profile)

    def _bounce(
        self, unit: Unit, stored: Stored, failures: Failures, profile: ResolvedProfile | None = None
    ) -> None:
        envelope, entry = stored.envelope, unit.entry
        if profile is None:
            profile = self._profile(unit, envelope)
        attempts, now = unit.attempts(), self._clock.time()
        headers = self.plan.logged(stored)
        for rid, failure in failures:
            self._log_failure(self._log.bounced, entry.mid, rid, envelope, failure, headers)
            self._counters["bounced_hard"] += 1
            if unit.queue is not None:
                unit.queue.tally.bounced(failure, now)
        # A double bounce is origination's to tell, whatever was asked for (mailflow 7.5).
        is_double = not envelope.sender or envelope.report
        told, untold = _divide(
            failures,
            envelope.recipients,
            lambda notify: is_double or (profile.send_bounces and wants_failure_report(notify)),
        )
        for failure, rids in told.items():
            self._spool.report(
                entry, _report(ReportKind.FAILED, rids, failure, attempts=attempts, at=now)
            )
        if untold and self._spool.settle(entry, untold, Settlement.BOUNCED):
            self._log.finished(entry.mid, "done")

    def _delay(self, unit: Unit, stored: Stored, failures: Failures) -> None:
        envelope, entry = stored.envelope, unit.entry
        profile = self._profile(unit, envelope)
        attempts = unit.attempts() + 1
        delay = retry_delay(profile, attempts)
        if delay is None:
            final = [(rid, failure.for_good()) for rid, failure in failures]
            self._bounce(unit, stored, final)
            return
        headers = self.plan.logged(stored)
        if unit.queue is not None:
            unit.queue.tally.soft_bounced += len(failures)
        for rid, failure in failures:
            self._log_failure(self._log.delayed, entry.mid, rid, envelope, failure, headers)
            self._counters["soft_bounced"] += 1
        warnings = self._warn(unit, envelope, profile, failures)
        until = self._clock.time() + delay
        for failure, rids in _by_failure(failures).items():
            self._spool.retry(entry, rids, Progress(attempts, until, warnings, failure.text))
        rids = tuple(rid for rid, _ in failures)
        self._log.pending_till(entry.mid, rids, until, profile.name)
        unit.rids = rids
        self._wait(unit, delay)

    def _warn(
        self, unit: Unit, envelope: Envelope, profile: ResolvedProfile, failures: Failures
    ) -> int:
        """Record a delay warning where one is due; return how many there were by now."""
        warnings = unit.warnings()
        if not envelope.sender or not is_warning_due(profile, warnings, self.age(envelope)):
            return warnings
        told, _ = _divide(failures, envelope.recipients, wants_delay_report)
        attempts, now = unit.attempts(), self._clock.time()
        for failure, rids in told.items():
            report = _report(ReportKind.DELAYED, rids, failure, attempts=attempts, at=now)
            self._spool.report(unit.entry, report)
        return warnings + 1

    def _log_failure(
        self,
        write: Callable[..., None],
        mid: int,
        rid: int,
        envelope: Envelope,
        failure: Failure,
        headers: Headers,
    ) -> None:
        write(
            failure.dcid,
            mid,
            rid,
            envelope.sender,
            envelope.recipients[rid].address,
            failure.reason,
            failure.code,
            failure.lines,
            headers,
        )


def _divide(
    failures: Failures, recipients: Sequence[Recipient], wants: Callable[[Notify], bool]
) -> tuple[dict[Failure, tuple[int, ...]], tuple[int, ...]]:
    """Return the RIDs whose sender is told, by failure, and those of whom nobody is told."""
    told = [pair for pair in failures if wants(recipients[pair[0]].notify)]
    untold = tuple(rid for rid, _ in failures if not wants(recipients[rid].notify))
    return _by_failure(told), untold


def _by_failure(failures: Failures) -> dict[Failure, tuple[int, ...]]:
    grouped: dict[Failure, list[int]] = {}
    for rid, failure in failures:
        grouped.setdefault(failure, []).append(rid)
    return {failure: tuple(rids) for failure, rids in grouped.items()}


def _report(
    kind: ReportKind, rids: tuple[int, ...], failure: Failure, *, attempts: int, at: float
) -> Report:
    return Report(
        kind, rids, failure.reason, failure.response, failure.remote, attempts, at, failure.dcid
    )
