"""All groups of destinations that share limits, by name."""

from typing import Final

from mailwarden.core.policy.destinations import DestinationLimits
from mailwarden.core.policy.mail_providers import roll_up
from mailwarden.mailflow.delivery.limit_group import LimitGroup, Tools
from mailwarden.mailflow.delivery.nexthop import HopKind
from mailwarden.mailflow.delivery.queue import QueueKey, destination_name

GROUPS_MAX: Final = 20_000  # with nothing to do; beyond it those known for longest are forgotten


class LimitGroups:
    """Makes groups when they are first needed, and forgets them."""

    __slots__ = ("_by_name", "_tools")

    def __init__(self, tools: Tools) -> None:
        self._tools: Final = tools
        self._by_name: dict[str, LimitGroup] = {}

    def of(self, name: str, limits: DestinationLimits) -> LimitGroup:
        """Return the group of that name, with these limits from now on."""
        known = self._by_name.get(name)
        if known is not None and known.limits == limits:
            return known
        group = LimitGroup(name, limits, self._tools)
        if known is not None:
            group.take_over(known)
        self._by_name[name] = group
        return group

    def find(self, name: str) -> LimitGroup | None:
        """Return the group of that name, if there is one."""
        return self._by_name.get(name)

    def serve(self, now: float) -> None:
        """Let those who wait try again, some at a time."""
        for group in list(self._by_name.values()):
            if group.has_waiting:
                group.serve(now)

    def sweep(self, now: float) -> None:
        """Forget what is over."""
        idle = 0
        for name, group in list(self._by_name.items()):
            group.sweep(now)
            idle += group.back_off is not None and not group.members
            if group.is_idle or (idle > GROUPS_MAX and not group.members):
                del self._by_name[name]

    def reset(self, name: str | None) -> None:
        """Forget what was counted and asked for, of one group or all."""
        for group in list(self._by_name.values()):
            if name is None or group.name == name:
                group.reset()


def group_name(key: QueueKey, mx_hosts: tuple[str, ...]) -> str:
    """Return as what the limits of a queue count, whose next hop has these MX hosts.

    Where no row tells apart, all domains of a provider count together (mailflow 7.2).
    """
    if not key.row and key.hop.kind is HopKind.MX and mx_hosts:
        return roll_up(mx_hosts)
    return destination_name(key)
