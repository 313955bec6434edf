"""What a stage of the work queue is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mailwarden.core.policy.masquerade import MasqueradeRules
from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import Outcome
from mailwarden.mailflow.workqueue.settings import MailPolicies
from mailwarden.stores.spool.spool import Spill
from mailwarden.system.log.maillog import MailLog


class Stage(Protocol):
    """Looks at a message and decides.

    A stage that only computes returns its outcome at once; one that waits for an engine, a server
    or the disk returns an awaitable, and is stopped when it takes longer than
    `stage_timeout_seconds`.
    """

    @property
    def name(self) -> str:
        """How the stage is called in logs."""
        ...

    def process(self, job: Job) -> Outcome | Awaitable[Outcome]:
        """Decide about `job`. May raise: the message is then deferred."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the stages are built from."""

    policies: MailPolicies
    masquerades: Mapping[str, MasqueradeRules]  # by listener; those without a table are not there
    spill: Callable[[], Spill]  # begins a file for large content
    log: MailLog


StageBuilder = Callable[[Plan], Stage | None]
