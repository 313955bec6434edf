"""Letters that wait."""

from mailwarden.services.alerts.alert import Severity
from mailwarden.services.alerts.message import Mail
from mailwarden.services.alerts.outbox import LIFE_SECONDS, MAILS_MAX, Letter, Outbox


def mail(number: int, severity: Severity = Severity.WARNING, *to: str) -> Mail:
    return Mail(f"<{number}@x>", severity, "s", "t", to or ("ops@corp.example",), 0.0)


def test_due_by_domain_the_worst_first() -> None:
    outbox = Outbox()
    outbox.add(mail(1, Severity.INFORMATION, "a@one.example", "b@two.example"), 10)
    outbox.add(mail(2, Severity.CRITICAL, "a@one.example"), 10)
    due = outbox.due(10)
    assert [(x.address, x.mail.message_id) for x in due["one.example"]] == [
        ("a@one.example", "<2@x>"),
        ("a@one.example", "<1@x>"),
    ]
    assert [x.address for x in due["two.example"]] == ["b@two.example"]
    assert outbox.due(9) == {}


def test_retries_for_three_days() -> None:
    outbox = Outbox()
    outbox.add(mail(1), 0)
    (letter,) = outbox.letters
    waits = []
    now = 0.0
    while outbox.postpone(letter, now):
        waits.append(letter.due - now)
        assert outbox.next_due() == letter.due
        now = letter.due
    assert waits[:8] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert LIFE_SECONDS <= now < LIFE_SECONDS + 3600
    assert len(outbox) == 0
    assert not outbox.holds(letter)


def test_too_many_the_least_severe_and_oldest_go() -> None:
    outbox = Outbox()
    outbox.add(mail(0, Severity.CRITICAL), 0)
    for number in range(1, MAILS_MAX):
        outbox.add(mail(number), 0)
    outbox.add(mail(5000, Severity.INFORMATION), 0)
    outbox.add(mail(5001), 0)
    kept = {letter.mail.message_id for letter in outbox.letters}
    assert len(kept) == MAILS_MAX
    assert {"<0@x>", "<5001@x>"} <= kept
    assert not {"<5000@x>", "<1@x>"} & kept
    assert outbox.dropped == 2


def test_former_recipients_get_nothing_more() -> None:
    outbox = Outbox()
    outbox.add(mail(1, Severity.WARNING, "a@one.example", "b@two.example"), 0)
    outbox.keep_only(["b@two.example"])
    assert [letter.address for letter in outbox.letters] == ["b@two.example"]


def test_remove_twice() -> None:
    outbox = Outbox()
    outbox.add(mail(1), 0)
    (letter,) = outbox.letters
    outbox.remove(letter)
    outbox.remove(letter)
    outbox.remove(Letter(mail(2), "x@y", 0, 0))
    assert outbox.next_due() is None
