"""Settings that are secrets say so: they are masked in files, differences and histories."""

import re
from collections.abc import Iterator

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Field, Form, Kind, fields_of

# Names of files that hold secrets, of policies about passwords and of users are none themselves.
SOUNDS_SECRET = re.compile(r"(?:^|_)(?:password|passphrase|secret|token|mac_key|community|pin)$")


def settings(section: type, seen: set[type]) -> Iterator[tuple[str, Field]]:
    """Yield each setting of a section and of those in it, with its place."""
    if section in seen:
        return
    seen.add(section)
    for name, field in fields_of(section).items():
        yield f"{section.__name__}.{name}", field
        inner: Kind | None = field.kind
        while inner is not None:
            if inner.form is Form.SECTION and inner.section is not None:
                yield from settings(inner.section, seen)
            inner = inner.of


def test_what_sounds_like_a_secret_is_marked() -> None:
    found = dict(settings(GatewayConfig, set()))
    texts = {place: field for place, field in found.items() if field.kind.form is Form.TEXT}
    sounding = {place for place in texts if SOUNDS_SECRET.search(place.partition(".")[2])}
    marked = {place for place, field in found.items() if field.setting.secret}
    assert sounding <= marked
    assert {"RadiusServer.secret", "UpdateServer.password", "UpdateProxy.password"} <= marked
