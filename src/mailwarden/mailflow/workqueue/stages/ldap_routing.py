"""Step 12: recipients get other addresses or a mail host from LDAP (mailflow 5.7)."""

from mailwarden.mailflow.workqueue.stage import Plan, Stage


def build(plan: Plan) -> Stage | None:  # noqa: ARG001  every builder has this form
    """Return the stage, or None where the configuration has no LDAP routing queries.

    No setting asks for it yet, so that mail passes this place untouched.
    """
    return None
