"""Traces messages for administrators, with the code that the mail itself meets."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.tracer import Traced, TracedMail, TraceRefusedError
from mailwarden.core.features import Feature

PARTS: Final = "mailwarden.app.tracing"  # loaded when it is needed: it has all of the mail's way


class GatewayTracer:
    """A Tracer. Relative paths of configurations count from `base`; `dormant` is what is off."""

    def __init__(self, base: Path, dormant: Callable[[], frozenset[Feature]]) -> None:
        self._base: Final = base
        self._dormant: Final = dormant

    async def trace(self, config: GatewayConfig, mail: TracedMail, configuration: str) -> Traced:
        """Return what `config` would do with a message."""
        tracing: Any = import_module(f"{PARTS}.trace")
        render: Any = import_module(f"{PARTS}.render")
        request = tracing.TraceRequest(
            listener=mail.listener,
            client_address=mail.client_address,
            sender=mail.sender,
            recipients=mail.recipients,
            content=mail.content,
            client_name=mail.client_name,
            score=mail.score,
            helo=mail.helo,
        )
        parts = tracing.TraceParts(
            base=self._base, configuration=configuration, dormant=self._dormant()
        )
        try:
            report = await tracing.trace(config, request, parts)
        except tracing.TraceError as error:
            raise TraceRefusedError(str(error)) from error
        return Traced("\n".join(render.render(report)), report.as_json())
