"""Who is told what, in which order it is logged, and that nothing is lost on the way."""

import email
import email.policy
from collections.abc import Iterator

import pytest

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Body, Direction, Notify
from mailwarden.core.policy.bounce_profile import ResolvedProfile
from mailwarden.core.policy.bounce_templates import BounceTemplate, Wording
from mailwarden.mailflow.origination.originator import BATCH_MAX, CONCURRENCY_MAX, Words
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    Report,
    ReportKind,
    Settlement,
    SpoolFailure,
    State,
    Stored,
)
from tests.unit.mailflow.origination.station import (
    DELAYED,
    DELIVERED,
    FAILED,
    NEVER,
    ORIGINAL,
    Station,
    recipient,
)


def body_of(message: Stored | None) -> str:
    assert message is not None
    return message.content.read().decode()


def test_row_72_one_report_for_the_one_that_failed() -> None:
    station = Station()
    entry = station.message(recipient("bob@partner.example"), recipient("eve@partner.example"))
    message = station.tell(entry, FAILED)
    text = body_of(message)
    assert "to <bob@partner.example> was undeliverable.\r\n" in text
    assert "eve@partner.example" not in text
    assert "smtp; 5.1.0 - Unknown address error 550-'no such user' (delivery attempts: 0)" in text
    assert entry.pending == 1
    assert station.spool.settle(entry, (1,), Settlement.DELIVERED)


def test_envelope_of_a_report() -> None:
    station = Station()
    message = station.tell(station.message(bounce_profile="Strict"), FAILED)
    assert message is not None
    envelope = message.envelope
    assert (envelope.mid, envelope.icid, envelope.sender) == (7013, 0, "")
    assert envelope.recipients == (recipient("ann@corp.example", notify=Notify.NEVER),)
    assert envelope.direction is Direction.GENERATED
    assert envelope.received_at == station.clock.time()
    assert envelope.parent == 7011
    assert envelope.report
    assert envelope.body is Body.SEVENBIT
    assert envelope.bounce_profile == "Strict"
    assert not envelope.smtputf8


def test_order_of_the_log() -> None:
    station = Station()
    entry = station.message()
    message = station.tell(entry, FAILED)
    assert message is not None
    assert station.lines == [
        "MID 7013 was generated for bounce of MID 7011",
        "Start MID 7013 ICID 0",
        "MID 7013 ICID 0 From: <>",
        "MID 7013 ICID 0 RID 0 To: <ann@corp.example>",
        f"MID 7013 ready {message.content.size} bytes from <>",
        "MID 7013 queued for delivery",
        "Message finished MID 7011 done",
    ]
    assert entry.state is State.FINISHED
    assert station.counters == {"reports_written": 1}


def test_row_75_null_sender_hears_nothing() -> None:
    station = Station()
    entry = station.message(sender="")
    assert station.tell(entry, FAILED) is None
    assert station.lines == [
        "Double bounce: MID 7011 to RID 0 - 5.1.0 - Unknown address error 550-'no such user'",
        "Message finished MID 7011 done",
    ]
    assert entry.state is State.FINISHED
    assert station.counters == {"double_bounces": 1}


def test_report_that_fails_is_not_reported() -> None:
    station = Station()
    bounce = station.message(report=True, sender="postmaster@corp.example")
    assert station.tell(bounce, FAILED) is None
    assert station.lines[0].startswith("Double bounce: MID 7011 to RID 0 - 5.1.0")


def test_bounce_of_a_bounce_ends() -> None:
    station = Station()
    station.tell(station.message(), FAILED)
    (bounce,) = station.queued
    station.queued.clear()
    assert station.tell(bounce, FAILED) is None
    assert bounce.state is State.FINISHED
    assert list(station.spool.entries()) == []


def test_null_sender_gets_no_warning_and_waits_on() -> None:
    station = Station()
    entry = station.message(sender="")
    assert station.tell(entry, DELAYED) is None
    assert station.lines == []
    assert entry.state is State.QUEUED


@pytest.mark.parametrize(
    ("report", "notify", "is_told"),
    [
        (FAILED, Notify.UNSPECIFIED, True),
        (FAILED, Notify.NEVER, False),
        (FAILED, Notify.FAILURE, True),
        (FAILED, Notify.SUCCESS, False),
        (FAILED, Notify.SUCCESS | Notify.DELAY, False),
        (DELAYED, Notify.UNSPECIFIED, True),
        (DELAYED, Notify.NEVER, False),
        (DELAYED, Notify.FAILURE, False),
        (DELAYED, Notify.DELAY, True),
        (DELIVERED, Notify.UNSPECIFIED, False),
        (DELIVERED, Notify.NEVER, False),
        (DELIVERED, Notify.SUCCESS, True),
        (DELIVERED, Notify.FAILURE, False),
    ],
)
def test_notify(report: Report, notify: Notify, is_told: bool) -> None:
    station = Station()
    entry = station.message(recipient(notify=notify))
    assert (station.tell(entry, report) is not None) is is_told
    assert entry.reports is None
    assert (entry.state is State.FINISHED) is (report is not DELAYED)
    assert ("Message finished MID 7011 done" in station.lines) is (report is not DELAYED)


def test_only_those_who_want_it_are_in_a_report() -> None:
    station = Station()
    entry = station.message(NEVER, recipient("eve@partner.example"))
    message = station.tell(entry, FAILED._replace(rids=(0, 1)))
    assert "bob@partner.example" not in body_of(message)
    assert "eve@partner.example" in body_of(message)
    assert entry.state is State.FINISHED


def test_several_recipients_with_one_reason_share_a_report() -> None:
    station = Station()
    entry = station.message(recipient(), recipient("eve@partner.example"))
    text = body_of(station.tell(entry, FAILED._replace(rids=(0, 1))))
    assert text.count("Final-Recipient:") == 2
    assert len(station.queued) == 1


def test_profile_may_keep_bounces_back() -> None:
    station = Station(send_bounces=False)
    entry = station.message()
    assert station.tell(entry, FAILED) is None
    assert entry.state is State.FINISHED
    assert station.counters == {"reports_unwanted": 1}


def test_profile_may_keep_bounces_back_but_not_warnings() -> None:
    station = Station(send_bounces=False, send_delay_warnings=True)
    assert station.tell(station.message(), DELAYED) is not None


def test_warning_says_how_long_it_will_be_tried() -> None:
    station = Station(max_queue_time_seconds=3600, delay_subject="Late")
    entry = station.message()
    text = body_of(station.tell(entry, DELAYED))
    assert "\r\nSubject: Late\r\n" in text
    assert "\r\nWill-Retry-Until: Tue, 09 Nov 2010 11:15:02 +0000\r\n" in text
    assert "(delivery attempts: 3)" in text
    assert entry.state is State.QUEUED


def test_no_warning_after_the_end() -> None:
    station = Station()
    entry = station.message(recipient(), recipient("eve@partner.example"))
    station.spool.settle(entry, (0,), Settlement.DELIVERED)
    assert station.tell(entry, DELAYED) is None
    station.spool.report(entry, DELAYED._replace(rids=(1,)))
    station.spool.report(entry, FAILED._replace(rids=(1,)))
    station.timers.run()
    assert [body_of(message).count("Action: failed") for message in station.written()] == [1]


def test_alternate_recipient_gets_failures_and_delays_only() -> None:
    station = Station(alternate_recipient="postmaster@corp.example")
    for number, (report, to) in enumerate(
        (
            (FAILED, "postmaster@corp.example"),
            (DELAYED, "postmaster@corp.example"),
            (DELIVERED, "ann@corp.example"),
        )
    ):
        every = Notify.SUCCESS | Notify.FAILURE | Notify.DELAY
        message = station.tell(station.message(recipient(notify=every), mid=number), report)
        assert message is not None
        assert message.envelope.recipients[0].address == to
        assert f"\r\nTo: <{to}>\r\n" in body_of(message)


def test_plain_format_and_subject() -> None:
    station = Station(dsn_format=False, bounce_subject="Not delivered")
    message = email.message_from_string(body_of(station.tell(station.message(), FAILED)))
    assert message.get_content_type() == "text/plain"
    assert message["Subject"] == "Not delivered"


def copied(message: Stored | None) -> str:
    assert message is not None
    part = email.message_from_bytes(message.content.read()).get_payload(2)
    assert isinstance(part, email.message.Message)
    return part.get_content_type()


@pytest.mark.parametrize(
    ("size", "limit", "returned"),
    [
        (4096, 10_240, "message/rfc822"),
        (50_000, 10_240, "text/rfc822-headers"),
        (50_000, 65_536, "message/rfc822"),
    ],
)
def test_row_76_copy(size: int, limit: int, returned: str) -> None:
    station = Station(copy_size_max_bytes=limit)
    content = InlineContent(ORIGINAL + b"x" * 70 + b"\r\n" * ((size - len(ORIGINAL) - 70) // 2))
    assert copied(station.tell(station.message(content=content), FAILED)) == returned


def test_ret_and_requiretls_keep_the_content_back() -> None:
    station = Station()
    assert copied(station.tell(station.message(return_full=True), FAILED)) == "message/rfc822"
    station = Station()
    assert copied(station.tell(station.message(return_full=False), FAILED)) == "text/rfc822-headers"
    station = Station()
    message = station.tell(station.message(requiretls=True, return_full=True), FAILED)
    assert copied(message) == "text/rfc822-headers"
    assert message is not None
    assert message.envelope.requiretls
    station = Station()
    assert copied(station.tell(station.message(return_full=True), DELAYED)) == "text/rfc822-headers"


def test_undecided_host_name_is_filled_in() -> None:
    station = Station()
    entry = station.message(header=b"Received: from x\r\n  by \0by\0 with SMTP; date\r\n")
    assert "\r\n  by gw1.corp.example with SMTP; date\r\n" in body_of(station.tell(entry, FAILED))


def test_8bit_and_international_messages() -> None:
    station = Station()
    content = InlineContent("Subject: \u00dc\r\n\r\n".encode())
    message = station.tell(
        station.message(sender="j\u00f6rg@corp.example", smtputf8=True, content=content), FAILED
    )
    assert message is not None
    assert message.envelope.smtputf8
    assert message.envelope.body is Body.EIGHTBITMIME


class Unreadable(InlineContent):
    """Content whose bytes are lost, while the envelope is not."""

    def __init__(self, error: Exception) -> None:
        super().__init__(ORIGINAL)
        self.error = error

    def chunks(self) -> Iterator[bytes]:
        raise self.error

    def read(self, limit: int = -1) -> bytes:
        raise self.error


@pytest.mark.interpreted
@pytest.mark.parametrize(
    "error", [SpoolFailure("no"), DamagedError("no"), OSError(5, "Input/output error")]
)
def test_report_without_a_copy_when_it_cannot_be_read(error: Exception) -> None:
    station = Station()
    message = station.tell(station.message(content=Unreadable(error)), FAILED)
    assert len(email.message_from_string(body_of(message)).get_payload()) == 2


def test_damaged_message_keeps_its_report() -> None:
    station = Station()
    entry = station.message()
    station.spool.damaged.add(entry.mid)
    assert station.tell(entry, FAILED) is None
    assert entry.reports == [FAILED]
    assert station.lines == [
        (
            "Critical: MID 7011 is damaged, its sender cannot be told: "
            "MID 7011: bytes do not match their checksum"
        )
    ]
    assert station.originator.waiting == 0


def test_damaged_message_is_looked_at_again_until_it_can_be_read() -> None:
    station = Station()
    entry = station.message()
    station.spool.damaged.add(entry.mid)
    station.spool.report(entry, FAILED)
    waits = station.timers.run()
    for _ in range(7):
        waits += tick(station)
    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]
    assert len(station.lines) == 1
    station.spool.damaged.clear()
    tick(station)
    assert len(station.queued) == 1
    assert entry.state is State.FINISHED
    assert station.timers.waiting == []


def test_damaged_message_that_was_dropped_meanwhile_is_looked_at_no_more() -> None:
    station = Station()
    entry = station.message()
    station.spool.damaged.add(entry.mid)
    station.spool.report(entry, FAILED)
    station.timers.run()
    station.spool.resolve(entry, FAILED, None, lambda *_: None)
    station.lines.clear()
    assert tick(station) == []
    assert station.lines == []


def test_full_disk_delays_reports_and_loses_none() -> None:
    station = Station()
    entries = [station.message(mid=number) for number in range(3)]
    station.spool.failure = SpoolFailure("no space left on device", full=True)
    for entry in entries:
        station.spool.report(entry, FAILED)
    delays = [station.timers.run()]
    for _ in range(7):
        delays.append(tick(station))  # noqa: PERF401  one after the other
    assert [wait for (wait,) in delays] == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert station.queued == []
    assert station.lines == ["Warning: Reports to senders have to wait: no space left on device"]
    station.spool.failure = None
    tick(station)
    assert len(station.queued) == 3
    assert all(entry.state is State.FINISHED for entry in entries)
    assert station.originator.waiting == 0


def tick(station: Station) -> list[float]:
    """Let the longest wait pass, once."""
    waiting, station.timers.waiting = station.timers.waiting, []
    for _, callback in waiting:
        callback()
    return station.timers.run()


@pytest.mark.interpreted
def test_message_that_cannot_be_loaded_now_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    station = Station()
    entry = station.message()

    def fail(entry: Entry) -> Stored:
        raise SpoolFailure("disk is slow")

    with monkeypatch.context() as patch:
        patch.setattr(station.spool, "load", fail)
        station.spool.report(entry, FAILED)
        assert station.timers.run() == [10.0]
    tick(station)
    assert len(station.queued) == 1


def test_storm_is_worked_off_bit_by_bit() -> None:
    station = Station(deferred=True)
    entries = [station.message(mid=number) for number in range(300)]
    for entry in entries:
        station.spool.report(entry, FAILED)
    ((_, work),) = station.timers.waiting
    station.timers.waiting.clear()
    work()
    assert station.spool.commit() == BATCH_MAX
    station.timers.run()
    assert station.spool.commit() == CONCURRENCY_MAX
    rounds = 0
    while station.originator.waiting:
        station.timers.run()
        assert station.spool.commit() <= CONCURRENCY_MAX
        rounds += 1
    assert rounds == 5
    assert len(station.queued) == 300
    assert all(entry.state is State.FINISHED for entry in entries)


def test_message_with_two_reports_under_way_is_finished_once() -> None:
    station = Station(deferred=True)
    entry = station.message(recipient(), recipient("eve@partner.example"))
    station.spool.report(entry, FAILED)
    station.spool.report(entry, FAILED._replace(rids=(1,), reason="5.4.7 - Delivery expired"))
    station.timers.run()
    station.spool.commit()
    assert len(station.queued) == 2
    assert station.lines.count("Message finished MID 7011 done") == 1
    assert station.lines[-1] == "Message finished MID 7011 done"


def test_report_that_an_administrator_made_void_is_skipped() -> None:
    station = Station()
    entry = station.message()
    station.spool.report(entry, FAILED)
    entry.reports = None
    station.timers.run()
    assert station.queued == []


def test_report_about_nobody_is_taken_off() -> None:
    station = Station()
    entry = station.message()
    assert station.tell(entry, Report(ReportKind.FAILED, (), "5.0.0 - x")) is None
    assert entry.reports is None
    assert entry.state is State.QUEUED


def test_what_a_crash_cut_off_is_announced_at_start() -> None:
    before = Station()
    before.spool.report(before.message(), FAILED)
    after = Station(spool=before.spool)  # before it came to that
    after.queued.clear()
    after.timers.run()
    assert [body_of(message).count("Action: failed") for message in after.written()] == [1]


def test_new_settings_apply_at_once() -> None:
    station = Station()
    chosen: list[tuple[str, str]] = []

    def choose(envelope: object, address: str) -> ResolvedProfile:
        chosen.append((station.spool.load(entry).envelope.bounce_profile, address))
        return ResolvedProfile(bounce_subject="New")

    entry = station.message(bounce_profile="Strict")
    station.originator.apply(Words("gw2.corp.example", choose, {}))
    text = body_of(station.tell(entry, FAILED))
    assert "\r\nSubject: New\r\n" in text
    assert "MAILER-DAEMON@gw2.corp.example" in text
    assert set(chosen) == {("Strict", "bob@partner.example")}


def test_sys_35_bounces_come_from_whom_the_administrator_named() -> None:
    station = Station()
    choose = lambda envelope, address: ResolvedProfile()  # noqa: E731  one line for one test
    sender = "Post Office <post@corp.example>"
    station.originator.apply(Words("gw1.corp.example", choose, {}, sender))
    text = body_of(station.tell(station.message(), FAILED))
    assert '\r\nFrom: "Post Office" <post@corp.example>\r\n' in text


# Words.


def text_of(message: Stored | None) -> str:
    """Return subject and first part of a report, decoded."""
    parsed = email.message_from_bytes(body_of(message).encode(), policy=email.policy.default)
    part = parsed if not parsed.is_multipart() else next(parsed.iter_parts())
    text = part.get_content().replace("\r\n", "\n")
    return f"{parsed['subject']}\n{text}"


def german(station: Station, field: str = "Content-Language: de-AT") -> Entry:
    content = b"From: ann@corp.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n%b\r\n\r\nx\r\n"
    return station.message(content=InlineContent(content % field.encode()))


TEMPLATES = {
    "House": BounceTemplate(
        (
            ("en", Wording("Not delivered: $Subject", "Sorry.\n$BounceReason\n")),
            ("de", Wording("Nicht zugestellt: $Subject", "An $BouncedRecipient, MID $MID.\n")),
        )
    )
}


def test_a_report_speaks_the_language_of_its_message() -> None:
    station = Station()
    heard = text_of(station.tell(german(station), FAILED))
    assert heard.startswith("Zustellbericht (Fehler)\nDie folgende Nachricht an <bob@")


def test_the_language_of_the_profile_comes_first() -> None:
    station = Station(language="fr", send_delay_warnings=True)
    heard = text_of(station.tell(german(station), DELAYED))
    assert heard.startswith("Notification d'état de remise (retard)\nLe message suivant")
    assert "jusqu'au" in heard


def test_a_template_of_the_administrator() -> None:
    station = Station(bounce_template="House")
    station.templates.update(TEMPLATES)
    heard = text_of(station.tell(german(station), FAILED))
    assert heard == "Nicht zugestellt: Grüße\nAn <bob@partner.example>, MID 7011.\n"


def test_others_hear_the_first_language_of_a_template() -> None:
    station = Station(bounce_template="House", bounce_subject="Failed: $MID")
    station.templates.update(TEMPLATES)
    heard = text_of(station.tell(german(station, "Content-Language: ja"), FAILED))
    assert heard == "Failed: 7011\nSorry.\n5.1.0 - Unknown address error 550-'no such user'\n"


def test_warnings_have_a_template_of_their_own() -> None:
    station = Station(bounce_template="House", delay_template="gone")
    station.templates.update(TEMPLATES)
    heard = text_of(station.tell(station.message(), DELAYED))
    assert heard.startswith("Delivery Status Notification (Delay)\nThe following message to <bob@")


def test_templates_are_for_plain_text_too() -> None:
    station = Station(bounce_template="House", dsn_format=False)
    station.templates.update(TEMPLATES)
    heard = text_of(station.tell(station.message(), FAILED))
    assert heard.startswith("Not delivered: x\nSorry.\n5.1.0 - Unknown address error")
    assert "------ Here is the message: ------" in heard
