"""What a client sends in the hour: receiving control (mailflow 3.6) and DHAP (mailflow 3.7).

One of these is made for a connection at its first recipient. The counts themselves are those of
all workers and listeners; the limits are those of the policy that the client came under.
"""

from collections.abc import Collection
from enum import Enum
from typing import Final

from mailwarden.core.policy.hat_policy import EffectivePolicy
from mailwarden.core.policy.hat_variables import HatVariables, reply_lines
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.core.smtp.reply import Reply
from mailwarden.services.throttling.rate_harvest import HARVEST_OFF, Harvest, HarvestGuard
from mailwarden.services.throttling.rate_keys import host_key, owner_key, sender_key
from mailwarden.services.throttling.rates import UNLIMITED, Rates


class Room(Enum):
    """Whether there is room for a recipient within the hour."""

    FREE = "free"
    HOST_FULL = "host full"
    SENDER_FULL = "sender full"


class Counting(Enum):
    """What is counted: who has no limit is, if anybody has one."""

    NOTHING = 0
    HOSTS = 1
    SENDERS = 2
    BOTH = 3


class HostCounts:
    """Counts for one client under one policy; `now` is in seconds since 1970."""

    __slots__ = (
        "_counts_hosts", "_counts_senders", "_guard", "_harvest_limit", "_host", "_limit",
        "_rates", "_sender", "_sender_key", "_sender_limit", "_taken_at", "accepted", "invalid",
        "messages_before",
    )  # fmt: skip

    def __init__(
        self,
        rates: Rates,
        policy: EffectivePolicy,
        facts: HostFacts,
        counting: Counting,
        messages: int = 0,
    ) -> None:
        """`messages` is how many the connection has brought before these counts begin."""
        self._rates = rates
        self._host: Final = group_key(policy, facts)
        self._limit: Final = policy.max_rcpts_per_hour
        self._sender_limit: Final = policy.max_rcpts_per_hour_sender
        self._counts_hosts: Final = counting in (Counting.HOSTS, Counting.BOTH)
        self._counts_senders: Final = counting in (Counting.SENDERS, Counting.BOTH)
        self._guard: Final = HarvestGuard(rates)
        self._harvest_limit: Final = policy.dhap_limit
        self.messages_before: Final = messages
        self._sender = ""  # whose key this is
        self._sender_key: bytes | None = None
        self._taken_at = 0.0  # when the last recipient was counted, 0 if it was not
        self.accepted = 0  # recipients of this connection
        self.invalid = 0

    def is_harvesting(self, now: float) -> bool:
        """Whether the host asked for too many recipients that do not exist."""
        return self._harvest_limit > HARVEST_OFF and self._guard.is_over(
            self._host, self._harvest_limit, now
        )

    def count_invalid(self, now: float) -> Harvest:
        """Count a recipient that does not exist."""
        self.invalid += 1
        return self._guard.count(self._host, 1, self._harvest_limit, now)

    def take(self, sender: str, now: float) -> Room:
        """Count a recipient, unless that passes a limit of its host or sender."""
        self._taken_at = 0.0
        if self._counts_hosts and not self._rates.take(self._host, 1, self._limit, now).allowed:
            return Room.HOST_FULL
        if self._counts_senders:
            key = self._key_of(sender)
            if key is not None and not self._rates.take(key, 1, self._sender_limit, now).allowed:
                if self._counts_hosts:
                    self._rates.give_back(self._host, 1, now)
                return Room.SENDER_FULL
        self._taken_at = now
        self.accepted += 1
        return Room.FREE

    def pass_by(self) -> None:
        """Let a recipient through that is not to be counted."""
        self._taken_at = 0.0

    def undo(self) -> None:
        """Count the last recipient out again: it was refused for another reason after all."""
        if not self._taken_at:
            return
        self.accepted -= 1
        if self._counts_hosts:
            self._rates.give_back(self._host, 1, self._taken_at)
        if self._counts_senders and self._sender_key is not None:
            self._rates.give_back(self._sender_key, 1, self._taken_at)
        self._taken_at = 0.0

    def _key_of(self, sender: str) -> bytes | None:
        if sender != self._sender:  # mostly one recipient after another has the same
            self._sender, self._sender_key = sender, sender_key(sender)
        return self._sender_key


def group_key(policy: EffectivePolicy, facts: HostFacts) -> bytes:
    """Return under which key a host is counted: its own, its network's or its owner's (3.6)."""
    bits = policy.grouping_bits
    if bits:
        return host_key(facts.address, bits)
    if policy.use_sb and facts.organisation:
        return owner_key(facts.organisation)
    return host_key(facts.address)


def counting_of(policies: Collection[EffectivePolicy]) -> Counting:
    """Return what has to be counted where these policies hold, on all listeners together."""
    hosts = any(each.max_rcpts_per_hour != UNLIMITED for each in policies)
    senders = any(each.max_rcpts_per_hour_sender != UNLIMITED for each in policies)
    return Counting(hosts + 2 * senders)


def full_reply(room: Room, policy: EffectivePolicy, variables: HatVariables) -> Reply:
    """Return what a recipient hears for whom there is no room within the hour."""
    if room is Room.SENDER_FULL:
        code, text = policy.max_rcpts_per_hour_sender_code, policy.max_rcpts_per_hour_sender_text
    else:
        code, text = policy.max_rcpts_per_hour_code, policy.max_rcpts_per_hour_text
    return Reply(code, *reply_lines(text, variables), status=_status(code))


def harvest_reply(policy: EffectivePolicy, variables: HatVariables) -> Reply:
    """Return what recipients hear whose host asked for too many that do not exist."""
    code = policy.dhap_code
    return Reply(code, *reply_lines(policy.dhap_text, variables), status=_status(code))


def _status(code: int) -> str:
    """Return the enhanced code: it is a matter of policy (RFC 3463, 3.8)."""
    return f"{code // 100}.7.0"
