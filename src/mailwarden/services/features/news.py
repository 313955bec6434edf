"""What comes of a look at a switch: what is remembered of it, and what people are told."""

import msgspec

from mailwarden.core.alerts import CRITICAL, INFORMATION, WARNING
from mailwarden.core.features import Feature
from mailwarden.services.features.decide import Decided
from mailwarden.services.features.expiry import EXPIRED, days_left
from mailwarden.services.features.record import Seen


def look(decided: Decided, before: Seen | None, now: float) -> Seen | None:
    """Return what is seen of a switch now; None where nobody has ever set it."""
    is_active, expires = decided.is_active(now), decided.key.expires
    stage = decided.stage(now)
    if before is None:
        if not decided.source and decided.at is None:
            return None
        before = Seen(is_active=True, source="", by="", since=0.0)
    is_new = (before.source, before.by, before.expires) != (decided.source, decided.by, expires)
    if is_active is not before.is_active or is_new:
        since = now if decided.at is None or not is_new else decided.at
        return Seen(
            is_active=is_active, source=decided.source, by=decided.by, since=since,
            expires=expires, stage=stage,
        )  # fmt: skip
    return msgspec.structs.replace(before, stage=min(stage, before.stage))


def news(
    feature: Feature, decided: Decided, before: Seen | None, after: Seen | None, now: float
) -> list[tuple[str, str, str]]:
    """Return what people are to be told: severity, text and key of each alert."""
    if after is None or after == before:
        return []
    title, key = feature.title, f"feature {feature.value}"
    ends_at = decided.key.ends_at()
    if after.stage == EXPIRED:
        if before is not None and (before.stage, before.expires) == (EXPIRED, after.expires):
            return []
        text = f"{title} has expired on {after.expires}: it is switched off, mail passes without it"
        return [(CRITICAL, text, key)]
    if before is None or _is_changed(before, after):
        state = "active" if after.is_active else "dormant"
        until = f" until {after.expires}" if after.expires else ""
        return [(INFORMATION, f"{title} is {state}{until}, by {after.by}", key)]
    assert ends_at is not None  # else no stage could be nearer
    return [
        (WARNING, f"{title} expires in {days_left(ends_at, now)} days, on {after.expires}", key)
    ]


def _is_changed(before: Seen, after: Seen) -> bool:
    def parts(seen: Seen) -> tuple[object, ...]:
        return (seen.is_active, seen.source, seen.by, seen.expires)

    return parts(before) != parts(after)
