"""What speaks against a commit, besides what others have committed meanwhile."""

from collections.abc import Iterator

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations import accounts
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.reserved import check_admin
from mailwarden.core.problem import Problem
from mailwarden.services.accounts.store import AccountStoreError


def check_commit(desk: Desk, candidate: Candidate) -> GatewayConfig:
    """Return the configuration that the candidate is, if it may be put in force.

    Raises:
        RefusedOperationError: it may not; the text has all problems of the first kind found.
    """
    administration = desk.administration
    try:
        config = administration.build(candidate.tree)
        check_admin(desk, config.administration)
        if administration.facts.fips:
            _check_fips(config)
        before, after = administration.config.administration, config.administration
        accounts.check_removal(administration, before.users, after.users)
    except ConfigError as error:
        problems = (f"{each.path}: {each.message}" for each in error.problems)
        raise RefusedOperationError("\n".join(problems)) from error
    except AccountStoreError as error:
        raise RefusedOperationError(f"The accounts cannot be read: {error}") from error
    present, checks = administration.config, administration.commit_checks
    if faults := [fault for check in checks for fault in check(present, config)]:
        raise RefusedOperationError("\n".join(faults))
    return config


def _check_fips(config: GatewayConfig) -> None:
    problems = [f"{each.path}: {each.message}" for each in _fips_problems(config)]
    if problems:
        raise RefusedOperationError("\n".join(problems))


def _fips_problems(config: GatewayConfig) -> Iterator[Problem]:
    for problem in config.administration.external.fips_problems():
        yield problem.under("administration.external")
