"""What speaks against a commit although the configuration itself is right."""

from collections.abc import Callable, Iterable, Iterator

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.management import last_path_problem

# Gets the configuration in force and the one that is to follow it; yields why that may not be.
CommitCheck = Callable[[GatewayConfig, GatewayConfig], Iterable[str]]


def keeps_a_way_in(before: GatewayConfig, after: GatewayConfig) -> Iterator[str]:
    """Yield why administrators could not reach the gateway any more (SYS-21)."""
    problem = last_path_problem(before.interfaces, after.interfaces)
    if problem is not None:
        yield f"{problem.path}: {problem.message}"
