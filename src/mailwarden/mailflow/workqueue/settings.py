"""What the administrator sets of the work queue, and the mail policies it matches."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailwarden.core.patterns import parse_address_pattern, parse_name
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, Unit, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicy:
    """A row of a mail policy table: whose mail it is about (mailflow 1.3)."""

    name: str = setting(REQUIRED, "Name of the policy, as it shows in the log.", parse=parse_name)
    recipients: tuple[str, ...] = setting(
        (),
        "Recipients it is for: `user@dom.example`, `user@`, `@dom.example`, `@.dom.example`; "
        "none listed is every recipient.",
        examples=("@sales.corp.example",),
        parse=parse_address_pattern,
    )
    senders: tuple[str, ...] = setting(
        (),
        "Envelope senders it is for, in the same forms; none listed is every sender.",
        parse=parse_address_pattern,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicies:
    """The two policy tables; the first row that matches a recipient is its policy."""

    incoming: tuple[MailPolicy, ...] = setting((), "For mail from hosts with the rule ACCEPT.")
    outgoing: tuple[MailPolicy, ...] = setting((), "For mail from hosts with the rule RELAY.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkQueueSettings:
    """Limits of the work queue, for each worker."""

    concurrency_max: int = setting(
        100, "Messages that are worked on at the same time.", minimum=1, maximum=10_000
    )
    stage_timeout_seconds: float = setting(
        300.0,
        "A stage that takes longer is stopped and its message deferred.",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    retry_initial_seconds: float = setting(
        60.0,
        "Wait before a deferred message is tried again; doubled each time.",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    retry_max_seconds: float = setting(
        3600.0,
        "Longest wait before a deferred message is tried again.",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    soft_limit_messages: int = setting(
        10_000,
        "From this many waiting messages on, replies to clients are slowed down more and more.",
        minimum=1,
    )
    hard_limit_messages: int = setting(
        50_000,
        "At this many waiting messages, new mail is answered `452 #4.3.1 server resources "
        "low - try again later`.",
        minimum=1,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if self.retry_max_seconds < self.retry_initial_seconds:
            yield Problem("retry_max_seconds", "must not be less than retry_initial_seconds")
        if self.soft_limit_messages > self.hard_limit_messages:
            yield Problem(
                "soft_limit_messages",
                f"is {self.soft_limit_messages}, more than hard_limit_messages "
                f"({self.hard_limit_messages})",
            )
