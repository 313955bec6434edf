"""What a server said about a recipient, and how long it counts."""

from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.smtp.client_replies import PeerReply

FAILURE_SECONDS: Final = 30.0  # for which an address that could not be asked about is not asked
TEMPORARY_SECONDS_MAX: Final = 60.0  # for which 4xx counts
DETAIL_LENGTH_MAX: Final = 200


class Finding(Enum):
    """What an answer means."""

    ACCEPTED = "accepted"  # 2xx
    TEMPORARY = "temporary failure"  # 4xx
    PERMANENT = "permanent failure"  # 5xx
    FAILED = "failure"  # nobody could be asked


class Answer(NamedTuple):
    """What is known of a recipient; `detail` is for the log, `server` is its address."""

    finding: Finding
    detail: str
    server: str = ""


def answer_of(reply: PeerReply, server: str) -> Answer:
    """Return what `reply` to RCPT means (mailflow 2.8)."""
    detail = f"{reply.code} {reply.text}"[:DETAIL_LENGTH_MAX]
    if reply.code < 300:
        return Answer(Finding.ACCEPTED, detail, server)
    finding = Finding.TEMPORARY if reply.code < 500 else Finding.PERMANENT
    return Answer(finding, detail, server)


class AnswerCache:
    """The answers of the last minutes; beyond `size` the oldest one is forgotten."""

    __slots__ = ("_answers", "_negative_seconds", "_positive_seconds", "_size")

    def __init__(self, size: int, positive_seconds: float, negative_seconds: float) -> None:
        self._size: Final = size
        self._positive_seconds: Final = positive_seconds
        self._negative_seconds: Final = negative_seconds
        self._answers: dict[str, tuple[float, Answer]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, address: str, now: float) -> Answer | None:
        """Return what is known of `address` at `now` (monotonic seconds)."""
        known = self._answers.get(address)
        if known is None:
            return None
        if known[0] <= now:
            del self._answers[address]
            return None
        return known[1]

    def keep(self, address: str, answer: Answer, now: float) -> None:
        """Remember `answer`."""
        seconds = self._seconds(answer.finding)
        if not self._size or seconds <= 0:
            return
        self._answers.pop(address, None)
        if len(self._answers) >= self._size:
            del self._answers[next(iter(self._answers))]
        self._answers[address] = (now + seconds, answer)

    def clear(self) -> int:
        """Forget all; return how many there were."""
        count = len(self._answers)
        self._answers.clear()
        return count

    def _seconds(self, finding: Finding) -> float:
        match finding:
            case Finding.ACCEPTED:
                return self._positive_seconds
            case Finding.PERMANENT:
                return self._negative_seconds
            case Finding.TEMPORARY:
                return min(self._negative_seconds, TEMPORARY_SECONDS_MAX)
            case Finding.FAILED:
                return FAILURE_SECONDS
