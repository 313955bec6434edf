"""How a policy gets here: the interface, and a fetcher for tests.

`HttpsPolicyFetcher` (https_fetcher.py) asks the host of the policy; `FakePolicyFetcher` answers
from a table.
"""

from collections.abc import Mapping
from typing import Protocol

from mailwarden.core.policy.tls_report import ResultType
from mailwarden.core.problem import TemporaryFailureError


class FetchError(TemporaryFailureError):
    """A policy that could not be fetched; the message says why, `result` what to report."""

    def __init__(self, reason: str, result: ResultType = ResultType.STS_POLICY_FETCH_ERROR) -> None:
        super().__init__(reason)
        self.result = result


class PolicyFetcher(Protocol):
    """Fetches policies (RFC 8461, 3.3)."""

    async def fetch(self, domain: str) -> bytes:
        """Return the policy file of `domain`, which is in lower case and A-labels.

        Ends within a limit of time, and returns no more than POLICY_BYTES_MAX bytes.

        Raises:
            FetchError: there is none, or nobody vouches for it.
        """
        ...


class FakePolicyFetcher:
    """Answers from `files`, which a test may change; an error in it is raised."""

    def __init__(self, files: Mapping[str, bytes | FetchError]) -> None:
        self.files = files
        self.asked: list[str] = []

    async def fetch(self, domain: str) -> bytes:
        """Return the policy file of `domain`."""
        self.asked.append(domain)
        found = self.files.get(domain, FetchError("the server answers 404"))
        if isinstance(found, FetchError):
            raise found
        return found
