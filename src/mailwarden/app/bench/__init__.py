"""The project's own benchmark: paired runs against other mail servers, on loopback."""

from argparse import Namespace


def run_bench(arguments: Namespace) -> int:
    """Run `mailwarden bench` with parsed `arguments`; return the exit status."""
    from mailwarden.app.bench.command import run  # noqa: PLC0415  loads what only it needs

    return run(arguments)
