"""Step 22: DKIM and DomainKeys signatures, after all changes (mailflow 6.3)."""

from mailwarden.mailflow.workqueue.stage import Plan, Stage


def build(plan: Plan) -> Stage | None:  # noqa: ARG001  every builder has this form
    """Return the stage, or None where the configuration has no signing profile.

    No setting asks for it yet, so that mail passes this place untouched.
    """
    return None
