"""Traces for tests: a small configuration, and a resolver that answers from a table."""

from pathlib import Path
from typing import Any

import yaml

from mailwarden.app.tracing.report import Destination, TraceReport
from mailwarden.app.tracing.trace import TraceParts, TraceRequest, trace
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import parse_config
from mailwarden.system.dns.fake import FakeResolver, Zone

CLIENT = "192.0.2.25"
ZONE: Zone = {
    "partner.example": {"MX": ["20 mx2.partner.example", "10 mx1.partner.example"]},
    "mx1.partner.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.partner.example": {"A": ["192.0.2.2"]},
    "quiet.example": {"MX": ["0 ."]},
    "gw1.corp.example": {"A": ["127.0.0.1"]},
    "own.example": {"MX": ["10 gw1.corp.example"]},
    "25.2.0.192.in-addr.arpa": {"PTR": ["out.partner.example"]},
    "out.partner.example": {"A": [CLIENT]},
    "25.2.0.192.bl.example.org": {"A": ["127.0.0.2"]},
}


def configured(directory: Path, **changes: Any) -> GatewayConfig:
    """Return a configuration with a public and a private listener, and `changes`."""
    tree: dict[str, Any] = {
        "hostname": "gw1.corp.example",
        "state_directory": str(directory / "state"),
        "interfaces": {"Data1": {"address": "127.0.0.1"}},
        "listeners": [listener(accepted_domains=["corp.example"]), listener("Out", "private")],
        "dns": {"servers": ["127.0.0.1:5999"]},
    }
    tree |= changes
    return parse_config(yaml.safe_dump(tree), "test", directory, look_at_files=False)


def listener(name: str = "In", kind: str = "public", **more: Any) -> dict[str, Any]:
    """Return a listener's settings."""
    port = {"In": 2525, "Out": 2526}.get(name, 2527)
    made = {"name": name, "type": kind, "interface": "Data1", "port": port, "reverse_dns": False}
    if kind == "private":
        made["relay_hosts"] = ["0.0.0.0/0"]
    return {**made, **more}


def requested(**changes: Any) -> TraceRequest:
    """Return a request to trace a short message, with `changes`."""
    given: dict[str, Any] = {
        "listener": "In",
        "client_address": CLIENT,
        "sender": "ann@partner.example",
        "recipients": ("bob@corp.example",),
        "content": b"Subject: x\n\nHello.\n",
        "has_no_score": True,
    }
    return TraceRequest(**{**given, **changes})


async def traced(
    config: GatewayConfig, request: TraceRequest, resolver: Any = None, **parts: Any
) -> TraceReport:
    """Return the report of a trace."""
    answering = FakeResolver(ZONE) if resolver is None else resolver
    made = TraceParts(base=Path("/"), make_resolver=lambda _: answering, **parts)
    return await trace(config, request, made)


async def going_to(config: GatewayConfig, recipient: str, **changes: Any) -> Destination:
    """Return where mail to `recipient` goes that is relayed."""
    report = await traced(config, requested(listener="Out", recipients=(recipient,), **changes))
    (destination,) = report.messages[0].destinations
    return destination


def shown(report: TraceReport, what: str) -> str:
    """Return the result of the decision `what`, with everything said about it."""
    for section in report.sections:
        for decision in section.decisions:
            if decision.what.startswith(what):
                details = "; ".join(f"{name}: {text}" for name, text in decision.details)
                return f"{decision.result} | {decision.rule} | {details}"
    raise AssertionError(f"nothing is said of {what}")
