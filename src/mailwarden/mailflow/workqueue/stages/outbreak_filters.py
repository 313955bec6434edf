"""Step 19: outbreak filters, after all other filters (services 3)."""

from mailwarden.mailflow.workqueue.stage import Plan, Stage


def build(plan: Plan) -> Stage | None:  # noqa: ARG001  every builder has this form
    """Return the stage, or None where the configuration has no outbreak filters.

    No setting asks for it yet, so that mail passes this place untouched.
    """
    return None
