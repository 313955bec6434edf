"""Fuzzes what servers of updates and attempts say: `python -m tests.fuzz.fuzz_updates`."""

import contextlib
import sys

from mailwarden.services.updates.job import JobError, Result, parse_report
from mailwarden.services.updates.manifest import ManifestError, build_manifest, parse_manifest
from mailwarden.services.updates.record import RecordError, parse_record
from mailwarden.services.updates.settings import parse_source
from mailwarden.system.crypto.ed25519 import SignatureError, Verifier


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    with contextlib.suppress(ManifestError):
        manifest = parse_manifest(data)
        assert parse_manifest(build_manifest(manifest)) == manifest
        for name, offer in manifest.offers.items():
            for text in (name, offer.version, *(file.name for file in offer.files)):
                assert "/" not in text
                assert not text.startswith(".")
            assert all(".." not in file.path.split("/") for file in offer.files)
    with contextlib.suppress(JobError):
        report = parse_report(data)
        shown = report.error if isinstance(report, Result) else report.text
        assert shown.isprintable()
    with contextlib.suppress(RecordError):
        parse_record(data)
    with contextlib.suppress(ValueError):
        source = parse_source(data.decode("utf-8", "surrogateescape"))
        assert source.shown.isprintable() or "%" in data.decode("latin-1")
    with contextlib.suppress(SignatureError):
        Verifier(data)


def main() -> None:
    """Fuzz until stopped."""
    import atheris  # noqa: PLC0415  it patches the interpreter when imported

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
