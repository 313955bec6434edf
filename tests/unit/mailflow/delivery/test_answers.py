"""What the replies of a transaction say of each recipient."""

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.core.smtp.client_capabilities import Capabilities
from mailwarden.core.smtp.client_replies import PeerReply
from mailwarden.core.smtp.client_transaction import Transaction
from mailwarden.mailflow.delivery.answers import Answers, read_answers


def answers(*codes: int | str, count: int = 3, assumed: bool = False) -> Answers:
    """Read the answers to MAIL, `count` RCPT with the RIDs 10, 11, ..., and BDAT."""
    envelope = Envelope(
        mid=1, icid=1, sender="a@b", recipients=(Recipient("c@d"),) * 20, received_at=0.0
    )
    rids = tuple(range(10, 10 + count))
    offers = Capabilities(pipelining=True, chunking=True)
    transaction = Transaction(envelope, rids, b"", InlineContent(b"x"), offers)
    assert transaction.prepare() is None
    transaction.start()
    for code in codes:
        text = str(code).partition(" ")[2]
        transaction.take(PeerReply(int(str(code)[:3]), (text,)))
    return read_answers(transaction, "192.0.2.1", 7, is_final_assumed=assumed)


def reasons(found: Answers) -> dict[int, str]:
    return {rid: failure.reason[:5] for rid, failure in found.failures}


def test_all_delivered() -> None:
    assert answers(250, 250, 250, 250, 250) == Answers((10, 11, 12), [], ())


def test_each_its_own() -> None:
    found = answers(250, 250, 451, 550, 250)
    assert found.delivered == (10,)
    assert reasons(found) == {11: "4.1.0", 12: "5.1.0"}
    assert not found.is_soft_for_all


def test_the_last_reply_is_for_those_accepted() -> None:
    found = answers(250, 250, 550, 250, 451)
    assert reasons(found) == {10: "4.3.0", 11: "5.1.0", 12: "4.3.0"}
    assert not found.is_soft_for_all


def test_soft_for_all() -> None:
    assert answers(451, 503, 503, 503, 503).is_soft_for_all
    assert answers(250, 451, 452, 450, 554).is_soft_for_all
    assert not answers(550, 503, 503, 503, 503).is_soft_for_all


def test_too_many_recipients_only_when_some_were_taken() -> None:
    crowded = "452 4.5.3 Too many"
    assert answers(250, 250, 250, crowded, 250) == Answers((10, 11), [], (12,))
    found = answers(250, crowded, crowded, crowded, 554)
    assert found.again == ()
    assert found.is_soft_for_all


def test_connection_lost() -> None:
    found = answers(250, 250, 550, 250)
    assert reasons(found) == {10: "4.4.0", 11: "5.1.0", 12: "4.4.0"}
    found = answers(250, 250, 550, 250, assumed=True)
    assert found.delivered == (10, 12)
    assert reasons(found) == {11: "5.1.0"}


def test_421_in_the_middle() -> None:
    found = answers(250, 250, 421)
    assert reasons(found) == {10: "4.3.0", 11: "4.1.0", 12: "4.1.0"}
