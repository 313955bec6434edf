"""Alerts between the supervisor and a management process that may be away."""

from mailwarden.app.alert_relay import TIMES_MAX, UNDER_WAY_MAX, WAITING_MAX, AlertRelay
from mailwarden.app.channel import Packet
from mailwarden.core.alerts import CRITICAL, INFORMATION, SYSTEM, WARNING


class Setup:
    """A relay, and what a management process got of it."""

    def __init__(self) -> None:
        self.relay = AlertRelay()
        self.got: list[Packet] = []

    def begin(self) -> None:
        self.got = []
        self.relay.begin(self.got.append)

    def raise_many(self, count: int, severity: str = CRITICAL) -> None:
        for number in range(count):
            self.relay.alert(severity, SYSTEM, f"thing {number}", "")

    def keep_all(self) -> None:
        """Say that everything is kept, until nothing more comes."""
        kept = 0
        while self.got and self.got[-1]["number"] != kept:
            kept = self.got[-1]["number"]
            self.relay.kept(kept)

    @property
    def texts(self) -> list[str]:
        return [packet["text"] for packet in self.got]


def test_alerts_wait_until_somebody_is_there() -> None:
    setup = Setup()
    setup.relay.alert(CRITICAL, SYSTEM, "Worker 0 ended", "worker 0")
    setup.begin()
    setup.relay.alert(INFORMATION, SYSTEM, "ann is locked", "")
    assert setup.got == [
        {
            "do": "alert", "number": 1, "times": 1, "severity": "Critical", "class": "System",
            "text": "Worker 0 ended", "key": "worker 0",
        },
        {
            "do": "alert", "number": 2, "times": 1, "severity": "Information", "class": "System",
            "text": "ann is locked", "key": "ann is locked",
        },
    ]  # fmt: skip


def test_what_was_not_kept_goes_to_the_next_process() -> None:
    setup = Setup()
    setup.begin()
    setup.raise_many(3)
    setup.relay.kept(setup.got[1]["number"])
    setup.relay.end()
    setup.relay.alert(CRITICAL, SYSTEM, "management ended", "management")
    setup.begin()
    assert setup.texts == ["thing 2", "management ended"]
    setup.keep_all()
    setup.relay.end()
    setup.begin()
    assert setup.got == []


def test_the_same_again_is_counted_while_nobody_is_there() -> None:
    setup = Setup()
    for number in range(TIMES_MAX + 7):
        setup.relay.alert(CRITICAL, SYSTEM, f"ended with {number}", "worker 0")
    setup.relay.alert(WARNING, SYSTEM, "ended", "worker 0")
    setup.begin()
    assert [(x["times"], x["text"]) for x in setup.got] == [
        (TIMES_MAX, f"ended with {TIMES_MAX + 6}"),
        (1, "ended"),
    ]


def test_a_slow_process_gets_a_part_at_a_time() -> None:
    setup = Setup()
    setup.begin()
    setup.raise_many(UNDER_WAY_MAX + 10)
    assert len(setup.got) == UNDER_WAY_MAX
    setup.relay.kept(4)
    assert len(setup.got) == UNDER_WAY_MAX + 4
    setup.keep_all()
    assert setup.texts == [f"thing {number}" for number in range(UNDER_WAY_MAX + 10)]


def test_of_too_many_the_worst_are_held_and_the_loss_is_told() -> None:
    setup = Setup()
    setup.raise_many(WAITING_MAX, INFORMATION)
    setup.raise_many(3, CRITICAL)
    setup.relay.alert(INFORMATION, SYSTEM, "one more", "")
    setup.begin()
    setup.keep_all()
    assert len(setup.got) == WAITING_MAX + 1
    assert [x["text"] for x in setup.got if x["severity"] == CRITICAL] == [
        "thing 0", "thing 1", "thing 2",
    ]  # fmt: skip
    assert (setup.got[-1]["severity"], setup.texts[-1]) == (
        "Warning", "4 alerts were left out, as there were too many at a time",
    )  # fmt: skip


def test_numbers_that_were_never_given_keep_what_is_there() -> None:
    setup = Setup()
    setup.begin()
    setup.raise_many(2)
    setup.relay.kept(-5)
    setup.relay.end()
    setup.begin()
    assert len(setup.got) == 2
    setup.relay.kept(10**20)
    setup.relay.end()
    setup.begin()
    assert setup.got == []
