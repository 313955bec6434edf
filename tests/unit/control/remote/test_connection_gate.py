"""Strangers take places, which come back; nobody keeps others out."""

from mailwarden.control.remote.connection_gate import (
    CONNECTION_RATE,
    ConnectionGate,
    Denial,
    Pass,
)


class Door:
    """A gate, and who was cut."""

    def __init__(self, logged_in: int = 10, waiting: int = 4, each: int = 3) -> None:
        self.gate = ConnectionGate(logged_in=logged_in, waiting=waiting, waiting_per_source=each)
        self.cut: list[str] = []
        self.now = 0.0

    def enter(self, source: str, name: str = "") -> Pass:
        taken = self.knock(source, name)
        assert isinstance(taken, Pass)
        return taken

    def knock(self, source: str, name: str = "") -> Pass | Denial:
        return self.gate.enter(source, lambda: self.cut.append(name), self.now)


def test_one_source_has_only_so_many_at_once() -> None:
    door = Door()
    held = [door.enter("a") for _ in range(3)]
    assert door.knock("a") is Denial.TOO_MANY
    door.enter("b")
    door.gate.leave(held[0])
    door.enter("a")


def test_who_holds_most_makes_room() -> None:
    door = Door()
    for name in ("a1", "a2", "a3"):
        door.enter("a", name)
    door.enter("b", "b1")
    door.enter("c", "c1")
    assert door.cut == ["a1"]
    door.enter("d", "d1")
    assert door.cut == ["a1", "a2"]
    assert len(door.gate) == 4


def test_places_come_back_with_the_time() -> None:
    door = Door()
    for _ in range(CONNECTION_RATE.burst):
        door.gate.leave(door.enter("a"))
    assert door.knock("a") is Denial.TOO_OFTEN
    door.enter("b")
    door.now += CONNECTION_RATE.seconds_each
    door.gate.leave(door.enter("a"))
    assert door.knock("a") is Denial.TOO_OFTEN
    door.now += 1000
    for _ in range(CONNECTION_RATE.burst):
        door.gate.leave(door.enter("a"))


def test_who_logs_in_takes_no_place() -> None:
    door = Door(logged_in=1000)
    for _ in range(10 * CONNECTION_RATE.burst):
        assert door.gate.log_in(door.enter("a"))
    assert len(door.gate) == 10 * CONNECTION_RATE.burst


def test_there_is_only_so_much_room_inside() -> None:
    door = Door(logged_in=1)
    first, second = door.enter("a"), door.enter("b")
    assert door.gate.log_in(first)
    assert not door.gate.log_in(second)
    door.gate.leave(first)
    door.gate.leave(first)  # twice does no harm
    assert door.gate.log_in(second)
    door.gate.use(logged_in=2, waiting=4, waiting_per_source=3)
    assert door.gate.log_in(door.enter("c"))


def test_who_was_cut_does_not_log_in() -> None:
    door = Door(waiting=1)
    first = door.enter("a")
    door.enter("b")
    assert not door.gate.log_in(first)
    door.gate.leave(first)
    assert len(door.gate) == 1


def test_little_is_kept_of_many_sources() -> None:
    door = Door()
    for number in range(10_000):
        door.gate.leave(door.enter(f"source {number}"))
        door.now += 0.01
    assert len(door.gate._forgotten_at) < 1000
