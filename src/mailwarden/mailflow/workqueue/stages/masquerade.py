"""Step 11: sender and header addresses are rewritten, by table and by LDAP (mailflow 5.4)."""

from mailwarden.mailflow.workqueue.stage import Plan, Stage


def build(plan: Plan) -> Stage | None:  # noqa: ARG001  every builder has this form
    """Return the stage, or None where the configuration has no masquerading.

    No setting asks for it yet, so that mail passes this place untouched.
    """
    return None
