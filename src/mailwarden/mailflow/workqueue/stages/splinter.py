"""Step 14: each recipient is matched to a mail policy; groups get messages of their own (1.3)."""

from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import CONTINUE, Group, Outcome, Split
from mailwarden.mailflow.workqueue.policy import DEFAULT_POLICY, PolicyTable
from mailwarden.mailflow.workqueue.stage import Plan, Stage
from mailwarden.system.log.maillog import MailLog


class Splinter:
    """Groups the recipients by the first policy that matches each."""

    name = "policy matching"

    def __init__(self, inbound: PolicyTable, outbound: PolicyTable, log: MailLog) -> None:
        self._tables = {"inbound": inbound, "outbound": outbound}
        self._log = log

    def process(self, job: Job) -> Outcome:
        """Split the message when its recipients fall under several policies."""
        table = self._tables[job.table]
        groups = self._groups(table, job) if table.policies else ()
        if len(groups) > 1:
            return Split(groups)
        job.policy = groups[0].policy if groups else DEFAULT_POLICY
        self._log.matched_policy(job.mid, job.policy, job.table)
        return CONTINUE

    def _groups(self, table: PolicyTable, job: Job) -> tuple[Group, ...]:
        """Return the groups in the order of the table, DEFAULT last."""
        matched: dict[str, list[int]] = {}
        sender = job.envelope.sender
        for rid in job.rids:
            policy = table.match(sender, job.envelope.recipients[rid].address)
            matched.setdefault(policy, []).append(rid)
        return tuple(Group(name, tuple(matched[name])) for name in table.names if name in matched)


def build(plan: Plan) -> Stage | None:
    """Return the stage; it is part of every configuration."""
    return Splinter(
        PolicyTable(plan.policies.incoming), PolicyTable(plan.policies.outgoing), plan.log
    )
