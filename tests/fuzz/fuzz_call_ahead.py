"""Fuzzes the questions of call-ahead: `python -m tests.fuzz.fuzz_call_ahead -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.smtp"]):
    from mailwarden.core.smtp.client_probe import ProbeConversation, ProbePhase, ProbeSignal
    from mailwarden.core.smtp.client_replies import PeerError


def converse(data: bytes, piece: int) -> list[object]:
    """Return what a server that says `data`, `piece` bytes at a time, leads to."""
    probe = ProbeConversation("gw1.corp.example", "")
    seen: list[object] = []
    for start in range(0, len(data), piece):
        try:
            signal = probe.receive(data[start : start + piece])
        except PeerError:
            return [*seen, "error"]
        if signal is not ProbeSignal.WAIT:
            seen.append((signal, probe.answer, probe.refusal))
        probe.take_output()
        if signal in (ProbeSignal.READY, ProbeSignal.ANSWERED) and probe.is_reusable:
            probe.ask("bob@corp.example")
        if probe.phase is ProbePhase.OVER:
            return seen
    return seen


def test_one_input(data: bytes) -> None:
    """The whole input is what the server says, a byte at a time: nothing comes too early."""
    seen = converse(data, 1)
    if len(seen) > len(data):
        raise AssertionError(f"{data!r} leads to {seen}")
    converse(data, len(data) or 1)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
