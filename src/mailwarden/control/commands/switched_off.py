"""What commands say above their menu while the feature that they are about is switched off."""

from typing import Final

from mailwarden.control.commands.draft import Settings
from mailwarden.core.features import Feature

SWITCHED_OFF: Final = "Feature is switched off"  # KEY-06


def off_note(scope: Settings, *features: Feature) -> str:
    """Return the lines about those of `features` that are switched off; "" where none is."""
    running = scope.draft.desk.administration.features
    dormant = [each for each in features if not running.is_active(each)]
    return "".join(f"{SWITCHED_OFF}: {each.title}.\n" for each in dormant)
