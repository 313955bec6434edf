"""Commands from afar: one on the line, or many piped in (CLI-09)."""

from pathlib import Path

from mailwarden.control.remote.session_host import Access
from tests.end_to_end.ssh.bench import make_key, serving


async def test_row_c_14_a_command_shows_its_output_and_no_prompt(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh("status")
        assert (done.status, done.output) == (0, "Status: Online\n")
        assert done.errors.count("\n") == 1  # the client's own, on the new host key
        refused = await bench.ssh("nonsense")
        assert refused.status == 1
        assert refused.errors.endswith("Unknown command: nonsense\n")
        assert refused.output == ""


async def test_row_c_15_what_was_not_committed_is_discarded(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh("sethostname x.example.com")
        assert done.status == 0
        assert done.errors.endswith("1 uncommitted change discarded\n")
        assert all(not opened.desk.running for opened in bench.host.opened)
        (left,) = [e for e in bench.host.accesses(Access.LEFT) if e.discarded_changes]
        assert left.discarded_changes == 1


async def test_row_c_16_a_script_is_piped_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        script = b"sethostname x.example.com\ncommit via script\n"
        done = await bench.ssh(typed=script)
        assert done.status == 0
        (opened,) = bench.host.opened
        assert opened.desk.running == {"hostname": "x.example.com"}
        assert opened.desk.comments == ["via script"]
        assert opened.closed == 1
        assert "> Changes committed: " in done.output


async def test_cli_09_the_end_of_input_ends_without_a_commit(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh(typed=b"sethostname x.example.com\n")
        assert done.errors.endswith("1 uncommitted change discarded\n")
        assert bench.host.opened[0].desk.running == {}


async def test_much_comes_through_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        done = await bench.ssh(typed=b"many\n" * 300)
        one = await bench.ssh("many")
        assert done.status == 0
        assert done.output.count(one.output) == 300


async def test_a_key_lets_in_without_a_question(tmp_path: Path) -> None:
    path, line = make_key(tmp_path)
    async with serving(tmp_path, keys={"ann": (line,)}) as bench:
        done = await bench.ssh("status", passwords=(), more=["-i", str(path), "-oBatchMode=yes"])
        assert (done.status, done.output) == (0, "Status: Online\n")
        assert bench.asked() == []
        (admitted,) = bench.host.accesses(Access.ADMITTED)
        assert admitted.user == "ann"
        assert admitted.detail.startswith("key SHA256:")
