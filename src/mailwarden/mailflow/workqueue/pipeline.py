"""The work queue's way, in the order of the manual (mailflow 1.2, steps 10 to 22).

Delivery (steps 23 to 27) has the message after the last stage.
"""

from typing import Final

from mailwarden.mailflow.workqueue.stage import Plan, Stage, StageBuilder
from mailwarden.mailflow.workqueue.stages import (
    antispam,
    antivirus,
    content_filters,
    disclaimer,
    dlp,
    encryption,
    ldap_accept,
    ldap_routing,
    masquerade,
    message_filters,
    outbreak_filters,
    safelist,
    signing,
    splinter,
)

PIPELINE: Final[tuple[StageBuilder, ...]] = (
    ldap_accept.build,
    masquerade.build,
    ldap_routing.build,
    message_filters.build,
    splinter.build,
    safelist.build,
    antispam.build,
    antivirus.build,
    content_filters.build,
    outbreak_filters.build,
    disclaimer.build,
    dlp.build,
    encryption.build,
    signing.build,
)


def build_pipeline(plan: Plan) -> tuple[Stage, ...]:
    """Return the stages that the configuration asks for, in their order."""
    return tuple(stage for builder in PIPELINE if (stage := builder(plan)) is not None)
