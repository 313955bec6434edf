"""Administrators of a whole gateway: made at the machine, coming by SSH, and shut out (admin 3)."""

import asyncio
from pathlib import Path

import asyncssh
import pytest

from mailwarden.app.bench.target import free_port
from tests.end_to_end.gateway import Gateway, running, wait_until
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command

SECONDS = 30
PASSWORD, OTHER = "correct horse battery", "staple of correct horses"


def at_the_machine(gateway: Gateway, *lines: str) -> str:
    """Type lines into a session at the machine."""
    return command(gateway, "cli", given="".join(f"{line}\n" for line in lines))


async def by_ssh(port: int, password: str, *lines: str, user: str = "ann") -> str:
    """Log in over SSH and type lines; return all that is shown.

    Raises:
        asyncssh.Error, OSError: nobody gets in.
    """
    async with (
        asyncio.timeout(SECONDS),
        asyncssh.connect(
            "127.0.0.1", port, username=user, password=password, known_hosts=None, client_keys=None,
            config=None, agent_path=None,
        ) as connection,
    ):  # fmt: skip
        text = "".join(f"{line}\n" for line in lines)
        done = await connection.run(input=text, stderr=asyncssh.STDOUT)
        return str(done.stdout)


def hire(gateway: Gateway, role: str) -> None:
    shown = at_the_machine(
        gateway, "userconfig", "new", "ann", "Ann", role, PASSWORD, PASSWORD, "", "commit ann"
    )
    assert "Changes committed" in shown


def test_role_02_c_29_an_operator_comes_and_is_locked(tmp_path: Path) -> None:
    port = free_port()
    interfaces = {"Data1": {"address": "127.0.0.1", "ssh_port": port}}
    with running(tmp_path, interfaces=interfaces) as gateway:
        wait_administration(gateway)
        hire(gateway, "Operator")
        shown = asyncio.run(by_ssh(port, PASSWORD, "whoami", "who", "userconfig"))
        assert "Username: ann\nFull Name: Ann\nRole: Operator\n" in shown
        assert "127.0.0.1" in shown
        assert "You do not have permission to run userconfig" in shown
        # Another password, after which the same session goes on.
        lines = ("passwd", PASSWORD, OTHER, OTHER, "version")
        shown = asyncio.run(by_ssh(port, PASSWORD, *lines))
        assert "Password changed." in shown
        assert shown.count("Product: Mailwarden") == 1
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(by_ssh(port, PASSWORD))
        assert "ann" in cli(gateway, "last")
        at_the_machine(gateway, "userconfig", "policy", "y", "2", *[""] * 12, "commit policy")
        for _ in range(2):
            with pytest.raises(asyncssh.PermissionDenied):
                asyncio.run(by_ssh(port, "wrong"))
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(by_ssh(port, OTHER))
        at_the_machine(gateway, "userconfig", "status", "ann", "unlock the account", "")
        assert "Role: Operator" in asyncio.run(by_ssh(port, OTHER, "whoami"))
        assert "Authentication: User ann from 127.0.0.1 by SSH" in gateway.log()
        assert PASSWORD not in gateway.log()
        assert PASSWORD not in gateway.output()


def test_c_35_whoever_shuts_out_the_own_address_is_cut(tmp_path: Path) -> None:
    port = free_port()
    interfaces = {"Data1": {"address": "127.0.0.1", "ssh_port": port}}
    with running(tmp_path, interfaces=interfaces) as gateway:
        wait_administration(gateway)
        hire(gateway, "Administrator")
        lines = (
            "adminaccessconfig ipaccess new 10.0.0.0/8",
            "adminaccessconfig ipaccess mode direct force",
            "commit out",
        )
        try:
            shown = asyncio.run(by_ssh(port, PASSWORD, *lines))
            assert "your connection from 127.0.0.1 would be refused" in shown
        except (asyncssh.Error, OSError):
            pass  # it was cut before the answer was there
        with pytest.raises((asyncssh.Error, OSError)):
            asyncio.run(by_ssh(port, PASSWORD, "version"))
        assert cli(gateway, "confirmcommit").startswith("Version ")
        at_the_machine(gateway, "adminaccessconfig ipaccess mode any", "commit in")

        def is_let_in() -> bool:
            return "Product" in asyncio.run(by_ssh(port, PASSWORD, "version"))

        wait_until(is_let_in, "the way in")
