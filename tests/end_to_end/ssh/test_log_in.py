"""Getting in, and not: passwords, keys, codes, changes that are due, roles, lists."""

import asyncio
from pathlib import Path

import asyncssh
import pytest

from mailwarden.control.remote.session_host import Access
from mailwarden.core.access.access_list import AccessList, AccessMode, NetworkAccess
from mailwarden.core.access.account import Change, lock, unlock
from mailwarden.core.access.one_time_code import make_code
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.ssh_settings import SshSettings
from mailwarden.services.accounts.second_factor import SecondFactors
from tests.end_to_end.ssh.bench import LOOPBACK, make_key, serving

BY_PASSWORD = ["-oPreferredAuthentications=password"]
DENIED = 255  # what `ssh` returns when it does not get in


async def test_wrong_passwords_and_strangers_hear_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        for more in ([], BY_PASSWORD):
            wrong = await bench.ssh("status", passwords=["wrong"], more=more)
            unknown = await bench.ssh("status", user="nobody", passwords=["wrong"], more=more)
            assert (wrong.status, unknown.status) == (DENIED, DENIED)
            said = [done.errors.splitlines()[-1] for done in (wrong, unknown)]
            assert said[0] == said[1].replace("nobody@", "ann@")
        details = [event.detail for event in bench.host.accesses(Access.REFUSED)]
        assert set(details) == {"wrong password", "unknown user"}


async def test_by_password_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh("status", more=BY_PASSWORD)
        assert (done.status, done.output) == (0, "Status: Online\n")


async def test_row_c_23_a_role_without_a_command_line(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh("status", user="hal")
        assert done.status == DENIED
        assert "Your role (Help Desk User) has no access to the command line.\n" in done.errors
        path, line = make_key(tmp_path)
        users = dict(bench.office.settings.users)
        users["hal"] = type(users["hal"])(name="hal", role="Help Desk User", ssh_keys=(line,))
        bench.office.use(users=users)
        by_key = await bench.ssh("status", user="hal", passwords=(), more=["-i", str(path)])
        assert by_key.status == DENIED
        assert bench.host.opened == []


async def test_cli_05_a_guest_has_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        assert (await bench.ssh("status", user="gus")).status == 0


async def test_row_c_29_five_wrong_passwords_lock(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        bench.office.use(policy=PasswordPolicy(lock_after_failures=5))
        for _ in range(5):
            wrong = await bench.ssh("status", passwords=["wrong"], more=BY_PASSWORD)
            assert wrong.status == DENIED
        assert [event.was_locked for event in bench.host.events] == [False] * 4 + [True]
        assert (await bench.ssh("status", more=BY_PASSWORD)).status == DENIED
        assert bench.host.events[-1].detail == "locked after failed logins"
        bench.office.store.change("ann", unlock)
        assert (await bench.ssh("status")).status == 0


async def test_the_message_of_a_lock_by_hand(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        bench.office.use(policy=PasswordPolicy(locked_message="See the help desk"))
        bench.office.store.change("ann", lambda account: lock(account, "bob", 1.0))
        assert "See the help desk\n" in (await bench.ssh("status")).errors
        assert "See the help desk" not in (await bench.ssh("status", passwords=["no"])).errors


async def test_a_one_time_code_is_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        office = bench.office
        factors = SecondFactors(office.store, office.clock, lambda count: b"k" * count)
        factors.begin("ann", "gw1.corp.example")
        secret = office.account("ann").second_factor.secret
        factors.confirm("ann", make_code(secret, int(office.clock.time()) // 30))
        office.clock.advance(60)
        code = make_code(secret, int(office.clock.time()) // 30)
        wrong = await bench.ssh("status", passwords=["ann secret", "000000"])
        assert wrong.status == DENIED
        done = await bench.ssh("status", passwords=["ann secret", code])
        assert done.status == 0
        assert [line.strip().rpartition(") ")[2] for line in bench.asked()[-2:]] == [
            "Password:", "One-time code:",
        ]  # fmt: skip
        again = await bench.ssh("status", passwords=["ann secret", code])
        assert again.status == DENIED  # a code is good for once
        alone = await bench.ssh("status", more=BY_PASSWORD)
        assert alone.status == DENIED
        assert "A one-time code is needed" in alone.errors


async def test_a_change_of_password_is_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        bench.office.change("ann", change=Change.RESET)
        new = "a much better one"
        done = await bench.ssh(
            "status", passwords=["ann secret", "x", "y", "short", "short", new, new]
        )
        assert (done.status, done.output) == (0, "Status: Online\n")
        assert bench.office.account("ann").change is Change.NONE
        assert bench.office.sign_in.still_holds(bench.host.admitted[0])
        assert (await bench.ssh("status", passwords=["ann secret"])).status == DENIED
        assert (await bench.ssh("status", passwords=[new])).status == 0


async def test_a_change_of_password_by_the_older_way(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        bench.office.change("ann", password_at=0.0)
        bench.office.use(policy=PasswordPolicy(expires_days=30))
        new = "a much better one"
        answers = ["ann secret", "ann secret", new, new]
        done = await bench.ssh("status", passwords=answers, more=BY_PASSWORD)
        assert (done.status, done.output) == (0, "Status: Online\n")
        assert (await bench.ssh("status", passwords=[new], more=BY_PASSWORD)).status == 0


async def test_who_has_to_change_a_password_does_not_get_in_by_key(tmp_path: Path) -> None:
    path, line = make_key(tmp_path)
    async with serving(tmp_path, keys={"ann": (line,)}) as bench:
        bench.office.change("ann", change=Change.RESET)
        done = await bench.ssh("status", passwords=(), more=["-i", str(path), "-oBatchMode=yes"])
        assert done.status == DENIED
        assert "Your password has to be changed" in done.errors


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("ecdsa", 384), ("rsa", 2048)])
async def test_acc_06_keys_of_users(tmp_path: Path, kind: str, bits: int | None) -> None:
    path, line = make_key(tmp_path, kind, bits)
    more = ["-i", str(path), "-oBatchMode=yes"]
    async with serving(tmp_path, keys={"ann": (line,)}) as bench:
        assert (await bench.ssh("status", passwords=(), more=more)).status == 0
        assert (await bench.ssh("status", user="bob", passwords=(), more=more)).status == DENIED


async def test_signatures_with_sha_1_are_not_taken(tmp_path: Path) -> None:
    path, line = make_key(tmp_path, "rsa", 2048)
    async with serving(tmp_path, keys={"ann": (line,)}) as bench:
        for algorithm, is_in in (("ssh-rsa", False), ("rsa-sha2-256", True)):
            (pair,) = asyncssh.load_keypairs([str(path)])
            pair.set_sig_algorithm(algorithm.encode())
            pair.set_sig_algorithm = lambda _: None  # whatever the server wishes
            tried = asyncssh.connect(
                LOOPBACK, bench.port, username="ann", client_keys=[pair], known_hosts=None,
                config=None, agent_path=None, signature_algs=["ssh-rsa", "rsa-sha2-256"],
            )  # fmt: skip
            if is_in:
                (await tried).close()
            else:
                with pytest.raises(asyncssh.PermissionDenied):
                    await tried
        only = await bench.ssh("status", more=["-oHostKeyAlgorithms=ssh-rsa"])
        assert "no matching host key type" in only.errors


async def test_fips_mode_takes_its_own_algorithms_only(tmp_path: Path) -> None:
    path, line = make_key(tmp_path)
    async with serving(tmp_path, keys={"ann": (line,)}, is_fips=True) as bench:
        assert (await bench.ssh("status")).status == 0
        for more in (
            ["-oHostKeyAlgorithms=ssh-ed25519"],
            ["-oKexAlgorithms=curve25519-sha256"],
            ["-oCiphers=chacha20-poly1305@openssh.com"],
        ):
            assert "no matching" in (await bench.ssh("status", more=more)).errors
        more = ["-i", str(path), "-oBatchMode=yes"]
        assert (await bench.ssh("status", passwords=(), more=more)).status == DENIED


async def test_acc_06_algorithms_can_be_set(tmp_path: Path) -> None:
    settings = SshSettings(ciphers=("aes256-ctr",), macs=("hmac-sha2-512",))
    async with serving(tmp_path, settings) as bench:
        assert (await bench.ssh("status", more=["-oCiphers=aes256-ctr"])).status == 0
        refused = await bench.ssh("status", more=["-oCiphers=aes256-gcm@openssh.com"])
        assert "no matching cipher" in refused.errors


async def test_cli_08_the_banner_comes_first(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        bench.host.text = "Authorised people only.\nAll is recorded.\n"
        done = await bench.ssh("status", passwords=["wrong"])
        said = done.errors.splitlines()
        at = said.index("Authorised people only.")
        assert said[at + 1] == "All is recorded."
        assert "Permission denied" in said[-1]


async def test_acc_02_only_who_is_in_the_list_may_connect(tmp_path: Path) -> None:
    listed = NetworkAccess(mode=AccessMode.DIRECT, addresses=("192.0.2.0/24",))
    async with serving(tmp_path, access=listed) as bench:
        done = await bench.ssh("status")
        assert done.status == DENIED
        assert bench.asked() == []
        (refused,) = bench.host.accesses(Access.REFUSED)
        assert (refused.origin.address, refused.detail) == ("127.0.0.1", "not in the list")
        bench.server.use(SshSettings(), AccessList(NetworkAccess()))
        assert (await bench.ssh("status")).status == 0


async def test_acc_04_who_is_no_longer_in_the_list_is_cut(tmp_path: Path) -> None:
    listed = NetworkAccess(mode=AccessMode.DIRECT, addresses=("192.0.2.0/24",))
    async with serving(tmp_path) as bench:
        running = asyncio.create_task(bench.ssh("tail", typed=None))
        while not bench.host.opened:
            await asyncio.sleep(0.01)
        bench.server.use(SshSettings(), AccessList(listed))
        assert (await running).status == DENIED


async def test_attempts_in_one_connection_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(login_attempts=2)) as bench:
        more = ["-oNumberOfPasswordPrompts=9", "-oPreferredAuthentications=password"]
        done = await bench.ssh("status", passwords=["wrong"] * 9, more=more)
        assert "Too many authentication failures" in done.errors
        assert len(bench.host.accesses(Access.REFUSED)) == 2
