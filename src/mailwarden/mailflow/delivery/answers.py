"""Reads the end of a transaction: who got the message, who did not, and why."""

from typing import NamedTuple

from mailwarden.core.smtp.client_transaction import Step, Transaction
from mailwarden.mailflow.delivery.failure import (
    Failure,
    is_too_many_recipients,
    network_failure,
    reply_failure,
)


class Answers(NamedTuple):
    """The recipients of a transaction, by what became of them."""

    delivered: tuple[int, ...]
    failures: list[tuple[int, Failure]]
    again: tuple[int, ...]  # to be sent at once, in another transaction

    @property
    def is_soft_for_all(self) -> bool:
        """Whether nothing but another host, or another time, can help anybody."""
        return (
            not self.delivered
            and not self.again
            and not any(failure.is_permanent for _, failure in self.failures)
        )


def read_answers(
    transaction: Transaction, remote: str, dcid: int, *, is_final_assumed: bool = False
) -> Answers:
    """Return what the replies say of each recipient.

    `is_final_assumed` takes the missing last reply for a good one (possible delivery).
    """
    delivered: list[int] = []
    failures: list[tuple[int, Failure]] = []
    crowded: list[tuple[int, Failure]] = []
    for index, rid in enumerate(transaction.rids):
        step, reply = transaction.answer_to(index)
        if reply is None:
            if is_final_assumed:
                delivered.append(rid)
            else:
                failures.append((rid, network_failure("connection lost", remote, dcid)))
        elif reply.code < 300:
            delivered.append(rid)
        elif step is Step.RCPT and is_too_many_recipients(reply):
            crowded.append((rid, reply_failure(step, reply, remote, dcid)))
        else:
            failures.append((rid, reply_failure(step, reply, remote, dcid)))
    if delivered:  # the host takes some at a time: the others are not late yet
        return Answers(tuple(delivered), failures, tuple(rid for rid, _ in crowded))
    return Answers((), failures + crowded, ())
