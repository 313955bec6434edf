"""Virtual gateways: which of our interfaces mail leaves from (mailflow 7.4).

A message names an interface or a group of them, or nothing, which leaves it to
`delivery.interface`. A group counts as one gateway; its members take turns, message by message.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple


class Source(NamedTuple):
    """Where mail leaves from."""

    gateway: str  # interface or group, as limits and displays know it
    interface: str  # the interface itself


# What `delivery.interface` says, where that is no group.
USUAL: Final = Source("", "")


class Gateways:
    """All that mail can leave from, under one configuration."""

    __slots__ = ("_groups", "_interfaces", "_turns", "_usual", "is_rotating")

    def __init__(
        self,
        interfaces: Collection[str] = (),
        groups: Mapping[str, tuple[str, ...]] | None = None,
        usual: str = "",
    ) -> None:
        """`usual` is the interface or group that mail leaves from unless it says otherwise."""
        self._groups: Final = {
            name: tuple(Source(name, member) for member in members)
            for name, members in (groups or {}).items()
        }
        self._interfaces: Final = {
            name: Source(name, name) if name != usual else USUAL for name in interfaces
        }
        self._turns: Final = dict.fromkeys(self._groups, 0)
        self._usual: Final = usual
        self.is_rotating: Final = usual in self._groups  # each message has to be looked at

    def choose(self, name: str) -> Source:
        """Return where the next message leaves from that names `name`; "" names nothing.

        A name that is gone from the configuration counts as none.
        """
        source = self.peek(name)
        members = self._groups.get(source.gateway)
        if members is not None:
            turn = (self._turns[source.gateway] + 1) % len(members)
            self._turns[source.gateway] = turn
        return source

    def peek(self, name: str) -> Source:
        """Return the same, and take no turn."""
        source = self._interfaces.get(name)
        if source is not None:
            return source
        group = name if name in self._groups else self._usual
        members = self._groups.get(group)
        return USUAL if members is None else members[self._turns[group]]

    def all(self) -> Iterator[Source]:
        """Yield whatever mail may leave from, each once."""
        yield USUAL
        for source in self._interfaces.values():
            if source is not USUAL:
                yield source
        for members in self._groups.values():
            yield from dict.fromkeys(members)
