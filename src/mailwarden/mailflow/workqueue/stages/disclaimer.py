"""Step 20: disclaimers and footers are stamped."""

from mailwarden.mailflow.workqueue.stage import Plan, Stage


def build(plan: Plan) -> Stage | None:  # noqa: ARG001  every builder has this form
    """Return the stage, or None where the configuration has no disclaimers.

    No setting asks for it yet, so that mail passes this place untouched.
    """
    return None
