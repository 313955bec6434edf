"""A report as text: sections in the order of the mail's way, for a terminal or a log."""

from collections.abc import Iterator

from mailwarden.app.tracing.report import (
    Decision,
    Destination,
    Endpoint,
    Outcome,
    Section,
    TracedMessage,
    TraceReport,
)
from mailwarden.system.log.escape import escape

_WIDTH = 28  # of the names in front


def render(report: TraceReport) -> list[str]:
    """Return the lines of `report`; nothing in them does anything to a terminal."""
    return list(_lines(report))


def _lines(report: TraceReport) -> Iterator[str]:
    sender = escape(report.sender)
    yield f"Mail from <{sender}> at {report.client_address} through {escape(report.listener)}"
    if report.configuration:
        yield f"Configuration: {escape(report.configuration)}"
    for section in report.sections:
        yield from _section(section)
    for message in report.messages:
        yield from _message(message)
    if report.lookups:
        yield from ("", "DNS")
        for lookup in report.lookups:
            yield _costing(f"  {escape(lookup.question)}: {escape(lookup.answer)}", lookup)
    yield from ("", "Mail log, as it would be")
    yield from (f"  {escape(line)}" for line in report.log)
    yield ""
    yield from (f"Note: {escape(note)}" for note in report.notes)
    yield _costing(f"Result: {escape(report.verdict)}", report)


def _section(section: Section) -> Iterator[str]:
    yield from ("", section.title)
    for decision in section.decisions:
        yield from _decision(decision)


def _decision(decision: Decision) -> Iterator[str]:
    yield _costing(f"  {escape(decision.what)}: {escape(decision.result)}", decision)
    if decision.rule:
        yield _pair("by", decision.rule)
    for name, text in decision.details:
        yield _pair(name, text)


def _message(message: TracedMessage) -> Iterator[str]:
    yield from ("", f"Message MID {message.mid}")
    if message.outcome is Outcome.QUEUED:
        yield "  queued for delivery"
    else:
        yield f"  {message.outcome.value}: {escape(message.why)}"
    if message.parent:
        yield _pair("made from", f"MID {message.parent}")
    yield _pair("mail policy", message.policy or "none")
    yield _pair("sender", f"<{message.sender}>")
    for recipient in message.recipients:
        yield _pair("recipient", f"<{recipient}>")
    yield _pair("size", f"{message.size} bytes")
    for line in message.header:
        yield f"    | {escape(line)}"
    for destination in message.destinations:
        yield from _destination(destination)


def _destination(destination: Destination) -> Iterator[str]:
    to = ", ".join(f"<{each}>" for each in destination.recipients)
    yield _costing(f"  delivery to {escape(to)}: {destination.fate.value}", destination)
    yield _pair("because", destination.why)
    by = f"smtp_routes, {destination.route}" if destination.route else "DNS: no SMTP route matches"
    yield _pair("next hop", f"{destination.next_hop} ({by})")
    for host in destination.hosts:
        yield from _host(host)
    yield _pair("destination controls", f"row {destination.row}, counted with "
                f"{destination.counted_with or destination.next_hop}")  # fmt: skip
    for name, text in destination.limits:
        yield _pair(f"  {name}", text)
    yield _pair("tls", destination.tls)
    yield _pair("bounce profile", destination.bounce_profile)
    gateway = destination.gateway or "left to the system"
    if destination.interface not in ("", destination.gateway):
        gateway = f"{gateway}, now {destination.interface}"
    yield _pair("virtual gateway", gateway)
    if destination.local_address:
        yield _pair("connects from", destination.local_address)
    yield _pair("says EHLO", destination.hello)
    yield _pair("leaves from", f"<{destination.sender}>")


def _host(host: Endpoint) -> Iterator[str]:
    where = (
        f"[{host.address}]:{host.port}" if ":" in host.address else f"{host.address}:{host.port}"
    )
    yield _pair("host", f"{host.preference} {host.host} {where}")
    for way in host.tls:
        yield _pair("  tries", way)
    if host.policy:
        yield _pair("  asked for by", host.policy)


def _pair(name: str, text: str) -> str:
    return f"    {escape(name):<{_WIDTH}} {escape(text)}"


def _costing(line: str, timed: object) -> str:
    """Return `line` with what it cost, where that was measured."""
    taken = getattr(timed, "microseconds", None)
    return line if taken is None else f"{line} [{taken:.0f} us]"
