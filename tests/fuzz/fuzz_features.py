"""Fuzzes the texts of feature switches: `python -m tests.fuzz.fuzz_features`."""

import contextlib
import sys

import msgspec

from mailwarden.core.features import Feature, dormant_in
from mailwarden.services.features.decide import decide
from mailwarden.services.features.key import SwitchTextError, parse_key
from mailwarden.services.features.record import RecordError, parse_record

NOW = 1_289_297_702.0


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    with contextlib.suppress(SwitchTextError):
        key = parse_key(data)
        assert f"{key.feature}{key.note}".isprintable()
        assert key.ends_at() is None or key.state.value == "active"
        for feature in Feature:
            decide({"a.key": key}, {}, feature).is_active(NOW)
    with contextlib.suppress(RecordError):
        record = parse_record(data)
        assert parse_record(msgspec.json.encode(record)) == record
        for feature in Feature:
            decide({}, record.entered, feature).is_active(NOW)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        dormant_in(msgspec.json.decode(data, type=dict))


def main() -> None:
    """Fuzz until stopped."""
    import atheris  # noqa: PLC0415  it patches the interpreter when imported

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
