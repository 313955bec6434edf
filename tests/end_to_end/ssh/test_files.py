"""Files over SFTP and SCP: what may be fetched and put, by whom, and no way out."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from mailwarden.control.remote.file_area import HANDLES_MAX, FileArea
from tests.end_to_end.ssh.bench import LIMITS, LOOPBACK, Bench, Done, serving

SECRET = "not for administrators"


async def sftp(bench: Bench, *lines: str, user: str = "ann") -> Done:
    """Run `sftp` with a batch of commands; it ends with the first one that fails."""
    batch = bench.folder / "batch"
    batch.write_text("".join(f"{line}\n" for line in lines))
    options = [*bench.options("-oBatchMode=no"), "-P", str(bench.port), "-b", str(batch)]
    return await bench.run(["sftp", *options, f"{user}@{LOOPBACK}"], [f"{user} secret"])


async def scp(bench: Bench, *words: str, user: str = "ann") -> Done:
    options = [*bench.options(), "-P", str(bench.port)]
    return await bench.run(["scp", *options, *words], [f"{user} secret"])


@asynccontextmanager
async def client(bench: Bench, user: str = "ann") -> AsyncIterator[asyncssh.SFTPClient]:
    """A client that says what OpenSSH's never would."""
    connection = await asyncssh.connect(
        LOOPBACK, bench.port, username=user, password=f"{user} secret",
        known_hosts=None, client_keys=None, config=None, agent_path=None,
    )  # fmt: skip
    async with connection, connection.start_sftp_client() as opened:
        yield opened


async def test_files_go_there_and_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        own = tmp_path / "own.xml"
        own.write_bytes(os.urandom(90_000))
        (tmp_path / "log" / "mail.log").write_text("a line\n")
        back = tmp_path / "back.xml"
        done = await sftp(
            bench,
            f"put {own} /configuration/a.xml",
            f"get /configuration/a.xml {back}",
            "rename /configuration/a.xml /configuration/b.xml",
            "ls -l /configuration",
            f"get /log/mail.log {tmp_path}/mail.log",
            "ls /",
            "rm /configuration/b.xml",
        )
        assert done.status == 0, done.errors
        assert back.read_bytes() == own.read_bytes()
        assert (tmp_path / "mail.log").read_text() == "a line\n"
        assert "b.xml" in done.output
        assert "/configuration" in done.output
        assert list((tmp_path / "configuration").iterdir()) == []


@pytest.mark.parametrize("kind", ["-s", "-O"])
async def test_scp_by_both_protocols(tmp_path: Path, kind: str) -> None:
    async with serving(tmp_path) as bench:
        own, back = tmp_path / "own.xml", tmp_path / "back.xml"
        own.write_bytes(b"<config/>\n" * 5000)
        there = f"ann@{LOOPBACK}:/configuration/own.xml"
        assert (await scp(bench, kind, "-p", str(own), there)).status == 0
        kept = tmp_path / "configuration" / "own.xml"
        assert kept.read_bytes() == own.read_bytes()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert (await scp(bench, kind, there, str(back))).status == 0
        assert back.read_bytes() == own.read_bytes()
        for away in (
            "/etc/passwd",
            "/configuration/../../etc/passwd",
            "/log/x",
            "/configuration/a/b",
        ):
            assert (await scp(bench, kind, str(own), f"ann@{LOOPBACK}:{away}")).status != 0
            assert (await scp(bench, kind, f"ann@{LOOPBACK}:{away}", str(back))).status != 0


@pytest.mark.parametrize("user", ["rob", "gus"])
async def test_who_has_no_part_in_files(tmp_path: Path, user: str) -> None:
    async with serving(tmp_path) as bench:
        assert (await sftp(bench, "ls /", user=user)).status != 0
        own = tmp_path / "own.xml"
        own.write_text("x")
        for kind in ("-s", "-O"):
            there = f"{user}@{LOOPBACK}:/configuration/own.xml"
            assert (await scp(bench, kind, str(own), there, user=user)).status != 0
        assert list((tmp_path / "configuration").iterdir()) == []


async def test_a_technician_has_configurations_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench, "tec") as files:
        assert await files.listdir("/") == ["configuration"]
        assert await files.listdir("/configuration") == ["features.d"]
        assert await files.exists("/configuration")
        assert not await files.exists("/log")


async def test_key_03_key_files_have_a_folder_of_their_own(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        own = tmp_path / "own.key"
        own.write_text("{}")
        done = await sftp(
            bench,
            f"put {own} /configuration/features.d/a.tmp",
            "cd /configuration/features.d",
            "rename a.tmp a.key",
            "ls -l",
            user="bob",
        )
        assert done.status == 0, done.errors
        assert "a.key" in done.output
        assert (tmp_path / "features" / "a.key").read_text() == "{}"
        async with client(bench, "bob") as files:
            assert await files.listdir("/configuration") == ["features.d"]
            assert await files.isdir("/configuration/features.d")
            for away in ("/configuration/a.key", "/log/a.key"):
                with pytest.raises(asyncssh.SFTPError):
                    await files.rename("/configuration/features.d/a.key", away)
            for path in ("/configuration/features.d", "/configuration/features.d/a/b"):
                with pytest.raises(asyncssh.SFTPError):
                    await files.open(path, "w")


async def test_operators_have_no_part_in_key_files(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        (tmp_path / "features" / "a.key").write_text("{}")
        assert await files.listdir("/configuration") == []
        assert not await files.exists("/configuration/features.d")
        for path in ("/configuration/features.d/a.key", "/configuration/features.d/b.key"):
            with pytest.raises(asyncssh.SFTPError):
                await files.open(path, "w")


async def test_nothing_else_in_a_folder_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    async with serving(tmp_path) as bench, client(bench) as files:
        outside = tmp_path / "outside"
        outside.write_text(SECRET)
        (folder / "link").symlink_to(outside)
        (folder / "away").symlink_to(tmp_path)
        os.link(outside, folder / "hard")
        os.mkfifo(folder / "fifo")
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text(SECRET)
        (folder / ".hidden").write_text(SECRET)
        (folder / "fine").write_text("fine")
        assert await files.listdir("/configuration") == ["fine"]
        for name in ("link", "away", "hard", "fifo", "sub", ".hidden", "away/outside", "sub/file"):
            for mode in ("rb", "wb", "ab", "xb"):
                with pytest.raises(asyncssh.SFTPError):
                    await files.open(f"/configuration/{name}", mode)
            for work in (files.remove, files.stat, files.lstat, files.readlink):
                with pytest.raises(asyncssh.SFTPError):
                    await work(f"/configuration/{name}")
            with pytest.raises(asyncssh.SFTPError):
                await files.rename(f"/configuration/{name}", "/configuration/mine")
            with pytest.raises(asyncssh.SFTPError):
                await files.posix_rename("/configuration/fine", f"/configuration/{name}")
        assert outside.read_text() == SECRET
        assert (folder / "fine").read_text() == "fine"


@pytest.mark.parametrize(
    "path",
    [
        b"/etc/passwd",
        b"/configuration/../../../../etc/passwd",
        b"../../../etc/passwd",
        b"/configuration/..",
        b"//configuration//..//..//etc",
        b"",
        b"/",
        b".",
        b"/configuration",
        b"/configuration/\0",
        b"/configuration/a\0b",
        b"/configuration/a\nb",
        b"/configuration/\x1b[2J",
        b"/configuration/\xff\xfe",
        b"/configuration/" + b"a" * 129,
        b"/" + b"a/" * 10_000,
        b"/configuration/-rf",
        b"/configuration/a b",
        b"/configuration/.bashrc",
        b"/nothing/file",
    ],
)
async def test_no_path_leads_out(tmp_path: Path, path: bytes) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        before = sorted(tmp_path.rglob("*"))
        for mode in ("rb", "wb", "xb"):
            with pytest.raises(asyncssh.SFTPError):
                await files.open(path, mode)
        for work in (files.remove, files.rmdir, files.mkdir, files.readlink):
            with pytest.raises(asyncssh.SFTPError):
                await work(path)
        assert sorted(tmp_path.rglob("*")) == before


async def test_links_and_folders_cannot_be_made(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        (tmp_path / "configuration" / "a").write_text("a")
        with pytest.raises(asyncssh.SFTPError):
            await files.symlink("/etc/passwd", "/configuration/b")
        with pytest.raises(asyncssh.SFTPError):
            await files.link("/configuration/a", "/configuration/b")
        with pytest.raises(asyncssh.SFTPError):
            await files.mkdir("/configuration/b")
        with pytest.raises(asyncssh.SFTPError):
            await files.rename("/configuration/a", "/log/a")
        with pytest.raises(asyncssh.SFTPError):
            await files.statvfs("/")
        assert [path.name for path in (tmp_path / "configuration").iterdir()] == ["a"]


async def test_logs_are_only_read(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench, "bob") as files:
        (tmp_path / "log" / "mail.log").write_text("a line\n")
        async with files.open("/log/mail.log", "rb") as opened:
            assert await opened.read() == b"a line\n"
            with pytest.raises(asyncssh.SFTPError):
                await opened.write(b"x", 0)
            with pytest.raises(asyncssh.SFTPError):
                await opened.truncate(0)
        for mode in ("wb", "ab", "r+b"):
            with pytest.raises(asyncssh.SFTPError):
                await files.open("/log/mail.log", mode)
        with pytest.raises(asyncssh.SFTPError):
            await files.remove("/log/mail.log")
        with pytest.raises(asyncssh.SFTPError):
            await files.truncate("/log/mail.log", 0)
        assert (tmp_path / "log" / "mail.log").read_text() == "a line\n"


async def test_there_is_only_so_much_room(tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    async with serving(tmp_path) as bench, client(bench) as files:
        async with files.open("/configuration/a", "wb") as opened:
            for offset in (LIMITS.file_bytes, 2**40, 2**62, 2**63 - 1):
                with pytest.raises(asyncssh.SFTPError):
                    await opened.write(b"x", offset)
            with pytest.raises(asyncssh.SFTPError):
                await opened.truncate(2**40)
            await opened.write(b"x" * LIMITS.file_bytes, 0)
            with pytest.raises(asyncssh.SFTPError):
                await opened.write(b"x", LIMITS.file_bytes)
        with pytest.raises(asyncssh.SFTPError):
            await files.truncate("/configuration/a", LIMITS.file_bytes + 1)
        handles = [await files.open(f"/configuration/{name}", "wb") for name in "bcd"]
        await handles[0].write(b"x" * LIMITS.file_bytes, 0)
        with pytest.raises(asyncssh.SFTPError):
            await handles[1].write(b"x" * LIMITS.file_bytes, 0)
        await handles[0].truncate(10)
        await handles[1].write(b"x" * LIMITS.file_bytes, 0)
        with pytest.raises(asyncssh.SFTPError):
            await files.remove("/configuration/b")  # its room would be counted no more
        with pytest.raises(asyncssh.SFTPError):
            await files.posix_rename("/configuration/a", "/configuration/b")
        for handle in handles:
            await handle.close()
        async with files.open("/configuration/e", "wb"):
            pass
        with pytest.raises(asyncssh.SFTPError):
            await files.open("/configuration/f", "wb")
        assert sum(path.stat().st_size for path in folder.iterdir()) <= LIMITS.folder_bytes
        await files.remove("/configuration/b")
        async with files.open("/configuration/f", "wb"):
            pass


async def test_appending_and_copying_count_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        async with files.open("/configuration/a", "ab") as opened:
            await opened.write(b"one")
            await opened.write(b"two")
        assert (tmp_path / "configuration" / "a").read_bytes() == b"onetwo"
        async with (
            files.open("/configuration/a", "rb") as source,
            files.open("/configuration/b", "wb") as target,
        ):
            with pytest.raises(asyncssh.SFTPError):
                await files.remote_copy(source, target, 0, 0, LIMITS.file_bytes)


async def test_a_session_has_only_so_many_files_open(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        (tmp_path / "configuration" / "a").write_text("a")
        opened = [await files.open("/configuration/a", "rb") for _ in range(HANDLES_MAX)]
        with pytest.raises(asyncssh.SFTPError):
            await files.open("/configuration/a", "rb")
        await opened[0].close()
        await (await files.open("/configuration/a", "rb")).close()


async def test_what_a_session_left_open_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        async with client(bench) as files:
            await files.open("/configuration/a", "wb")
        folder = bench.folders["configuration"]
        while bench.sessions.rows():
            await asyncio.sleep(0.01)
        folder.remove("a")
        assert folder.entries() == []


async def test_files_are_a_session_that_can_be_ended(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, client(bench) as files:
        assert [row.user for row in bench.sessions.rows()] == ["ann"]
        bench.sessions.end_all("enough", "ann")
        with pytest.raises((asyncssh.Error, OSError)):
            await files.listdir("/")
        with pytest.raises((asyncssh.Error, OSError)):
            await files.listdir("/")


def test_nothing_of_the_file_system_is_left_to_asyncssh() -> None:
    helpers = {
        "channel", "connection", "env", "logger", "convert_attrs", "format_longname",
    }  # fmt: skip
    public = {name for name in vars(asyncssh.SFTPServer) if not name.startswith("_")}
    assert public - set(vars(FileArea)) == helpers
