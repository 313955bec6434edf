"""One connection's right to be there, counted over all workers (mailflow 7.2)."""

import math
from typing import Final

from mailwarden.mailflow.delivery.failure import Failure
from mailwarden.mailflow.delivery.limit_group import LimitGroup
from mailwarden.mailflow.delivery.settler import Failures


class NoPlaceError(Exception):
    """Nothing may go to any of the hosts for now; that is no failure of theirs."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no place for {seconds:g} seconds")
        self.seconds: Final = seconds  # until another try makes sense; 0 is any moment


class Admission:
    """Counted for its destination, or for the address it goes to."""

    __slots__ = ("_place", "address", "gateway", "group", "interface", "seconds")

    def __init__(self, group: LimitGroup, gateway: str, interface: str = "") -> None:
        self.group: Final = group
        self.interface: Final = interface  # of ours that it goes from; "" is the usual one
        self.gateway: Final = gateway  # virtual gateway that mail leaves from; "" is any
        self.address = ""  # that it goes to
        self.seconds = math.inf  # until another try makes sense, after `enter` said no
        self._place = ""  # under which it is counted; "" is not counted

    def enter(self, address: str) -> bool:
        """Count a connection to `address`; False when that is one too many, or nothing may go."""
        group = self.group
        self.address = address
        if self._place:  # it is counted for all addresses
            return True
        if group.is_limited:
            seconds = group.wait_seconds(address, self.gateway)
            if seconds > 0:
                self.seconds = min(self.seconds, seconds)
                return False
        place = group.place(address, self.gateway)
        if group.enter(place):
            self._place = place
            return True
        self.seconds = 0.0
        return False

    def failed(self, failure: Failure) -> None:
        """Hear that the connection to the present address did not come about."""
        self.hear(failure, 0)
        if self.group.is_by_address:
            self.close()

    def hear(self, failure: Failure, messages: int) -> None:
        """Hear a reply that was no success, after so many messages in this connection."""
        place = self._place or self.group.place(self.address, self.gateway)
        self.group.hear(failure.code, failure.lines, place, messages)

    def hear_all(self, failures: Failures, messages: int) -> None:
        """Hear what a transaction was answered, each reply once."""
        heard: set[tuple[str, tuple[str, ...]]] = set()
        for _, failure in failures:
            reply = (failure.code, failure.lines)
            if reply not in heard:
                heard.add(reply)
                self.hear(failure, messages)

    def is_crowded(self, dcid: int) -> bool:
        """Whether this connection has to go, after the limit went down."""
        return bool(self._place) and self.group.is_crowded(self._place, dcid)

    def permit(self, wanted: int) -> int:
        """Return how many of `wanted` recipients of a message may go now, and count them."""
        return self.group.permit(self.address, self.gateway, wanted)

    def give_back(self, count: int) -> None:
        """Take back what `permit` counted, as it was not sent."""
        self.group.give_back(self.address, self.gateway, count)

    def wait_seconds(self) -> float:
        """Return how long nothing may go; 0 is that something may."""
        return self.group.wait_seconds(self.address, self.gateway)

    def close(self, dcid: int = 0) -> None:
        """Count the connection no more; harmless when that was done."""
        if self._place:
            self.group.leave(self._place, dcid)
            self._place = ""
