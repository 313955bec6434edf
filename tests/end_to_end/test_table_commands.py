"""Tables out of the gateway and into it, as text, while it runs."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import Client, Gateway, base_config, wait_until

RAT = "# who gets mail\nbob@corp.example ACCEPT\nALL REJECT\n"


def table(gateway: Gateway, *words: Any, text: str = "") -> tuple[int, str, str]:
    """Run `mailwarden table`; return exit code, output and what it complained about."""
    done = subprocess.run(
        [
            gateway.python,
            "-m",
            "mailwarden.app",
            "--config",
            str(gateway.path),
            "table",
            *map(str, words),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def with_files(tmp_path: Path) -> Gateway:
    """Return a gateway all of whose tables stand in files."""
    gateway = Gateway(tmp_path, base_config(tmp_path))
    listener = gateway.listener()
    del listener["accepted_domains"]
    listener["recipient_access"] = {"file": "rat.txt"}
    listener["host_access"] = {"file": "hat.txt"}
    listener["reverse_dns"] = True
    gateway.config["inbound"] = {"aliases": {"file": "aliases.txt"}}
    gateway.write_config()
    (tmp_path / "rat.txt").write_text(RAT)
    code, hat, _ = table(gateway, "example", "In/host_access", "--preset", "conservative")
    assert code == 0
    (tmp_path / "hat.txt").write_text(f"# ours\n{hat}")
    (tmp_path / "aliases.txt").write_text("[ corp.example ]\nsales: bob@corp.example\n")
    return gateway


def answers(gateway: Gateway, *recipients: str) -> list[str]:
    """Return the codes that recipients get."""
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        return [client.command(f"RCPT TO:<{name}@corp.example>")[:3] for name in recipients]


def test_row_40_the_host_access_table_goes_out_and_in(tmp_path: Path) -> None:
    gateway = with_files(tmp_path).start()
    try:
        first, second = tmp_path / "first.txt", tmp_path / "second.txt"
        assert table(gateway, "export", "In/host_access", first)[0] == 0
        changed = first.read_text().replace("max_rcpts_per_msg = 25", "max_rcpts_per_msg = 24")
        assert table(gateway, "import", "In/host_access", "-", text=changed)[0] == 0
        assert table(gateway, "import", "In/host_access", first)[0] == 0
        assert table(gateway, "export", "In/host_access", second)[0] == 0
        assert first.read_bytes() == second.read_bytes() == (tmp_path / "hat.txt").read_bytes()

        lines = first.read_text().splitlines()
        lines[6] = "        this is no parameter"
        bad = tmp_path / "bad.txt"
        bad.write_text("\n".join(lines))
        code, _, complaint = table(gateway, "import", "In/host_access", bad)
        assert code == 1
        assert complaint.startswith(f"{bad}:7: ")
        assert "nothing was changed" in complaint
        assert (tmp_path / "hat.txt").read_bytes() == first.read_bytes()
    finally:
        gateway.stop()


def test_row_43_an_alias_cycle_is_not_imported(tmp_path: Path) -> None:
    gateway = with_files(tmp_path)
    cycle = "[ corp.example ]\na: b\nb: a\n"
    code, _, complaint = table(gateway, "import", "aliases", "-", text=cycle)
    assert code == 1
    assert "standard input:3: is a cycle: a@corp.example -> b@corp.example" in complaint
    assert table(gateway, "export", "aliases")[1] == "[ corp.example ]\nsales: bob@corp.example\n"


def test_imports_while_it_runs_can_be_undone_step_by_step(tmp_path: Path) -> None:
    gateway = with_files(tmp_path).start()
    try:
        (tmp_path / "rat.txt").chmod(0o644)
        assert answers(gateway, "bob", "carl", "dora") == ["250", "550", "550"]
        name = "In/recipient_access"
        carl = RAT.replace("bob", "carl")
        code, said, _ = table(gateway, "import", name, "-", "--diff", "--dry-run", text=carl)
        assert (code, "+carl@corp.example ACCEPT" in said) == (0, True)
        assert answers(gateway, "bob", "carl", "dora") == ["250", "550", "550"]
        assert table(gateway, "import", name, "-", text=carl)[0] == 0
        assert answers(gateway, "bob", "carl", "dora") == ["550", "250", "550"]
        dora = RAT.replace("bob", "dora")
        assert table(gateway, "import", name, "-", text=dora)[0] == 0
        assert answers(gateway, "bob", "carl", "dora") == ["550", "550", "250"]
        assert table(gateway, "import", name, "-", text=dora)[1].endswith("nothing was changed\n")

        # A file that is deleted and a worker that dies change nothing, and undo still works.
        (tmp_path / "rat.txt").unlink()
        (worker,) = gateway.worker_pids()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: gateway.is_up() and gateway.worker_pids() != [worker], "a new worker")
        assert answers(gateway, "bob", "carl", "dora") == ["550", "550", "250"]

        assert table(gateway, "undo", name)[0] == 0
        assert answers(gateway, "bob", "carl", "dora") == ["550", "250", "550"]
        assert table(gateway, "undo", name)[0] == 0
        assert answers(gateway, "bob", "carl", "dora") == ["250", "550", "550"]
        assert (tmp_path / "rat.txt").read_text() == RAT
        assert (tmp_path / "rat.txt").stat().st_mode & 0o777 == 0o644
        assert table(gateway, "undo", name)[0] == 1
    finally:
        gateway.stop()


def test_an_import_that_the_gateway_refuses_is_taken_back(tmp_path: Path) -> None:
    gateway = with_files(tmp_path).start()
    try:
        gateway.config["certificates"] = {"mx": {"certificate": "no.crt", "key": "no.key"}}
        gateway.write_config()  # which only the gateway looks at
        carl = RAT.replace("bob", "carl")
        code, _, complaint = table(gateway, "import", "In/recipient_access", "-", text=carl)
        assert code == 1
        assert "no.crt" in complaint
        assert "nothing was changed" in complaint
        assert (tmp_path / "rat.txt").read_text() == RAT
        assert answers(gateway, "bob", "carl") == ["250", "550"]
        assert "earlier version" not in table(gateway, "show", "In/recipient_access")[1]
    finally:
        gateway.stop()


def test_a_table_without_a_file_says_what_to_write(tmp_path: Path) -> None:
    gateway = with_files(tmp_path)
    gateway.listener()["recipient_access"] = RAT.splitlines()
    gateway.write_config()
    code, _, complaint = table(gateway, "import", "In/recipient_access", "-", text=RAT)
    assert code == 1
    assert "put `recipient_access: {file: In-recipient_access.txt}` in its place" in complaint
    listed = table(gateway, "list")[1]
    assert "In/host_access" in listed
    assert "mailwarden.yaml:" in listed
    assert "hat.txt\n" in listed
    (tmp_path / "hat.txt").write_text("nonsense\n")
    assert "hat.txt (2 problems)" in table(gateway, "list")[1]
    rows = {row["name"]: row for row in json.loads(table(gateway, "list", "--json")[1])}
    assert rows["In/host_access"]["where"] == str(tmp_path / "hat.txt")
    assert rows["In/host_access"]["problems"] == 2
    assert rows["aliases"]["lines"] == 2
    assert table(gateway, "export", "In/recipient_acces")[0] == 2


def masquerade_lines(count: int, domain: str) -> str:
    return "".join(f"user{n}@int.example first.last{n}@{domain}\n" for n in range(count))


def test_400_000_masquerade_and_20_000_domain_map_entries(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, base_config(tmp_path))
    gateway.listener("Out")["masquerade"] = {"file": "masquerade.txt"}
    gateway.listener()["domain_map"] = {"file": "map.txt"}
    (tmp_path / "masquerade.txt").write_text(masquerade_lines(400_000, "corp.example"))
    (tmp_path / "map.txt").write_text(
        "".join(f"@old{n}.example @corp.example\n" for n in range(20_000))
    )
    gateway.start()
    try:
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            content = b"From: user399999@int.example\r\n\r\nx\r\n"
            assert client.message(["bob@corp.example"], content).startswith("250")
        assert b"From: first.last399999@corp.example" in gateway.wait_maildir(1)[0]
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            assert client.message(["bob@old19999.example"], content).startswith("250")

        (tmp_path / "masquerade.txt").write_text(masquerade_lines(400_000, "x.example"))
        begin = time.monotonic()
        assert gateway.ask("reload")["problems"] == []
        took = time.monotonic() - begin
        print(f"reloaded in {took:.2f} s")
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            assert client.message(["bob@corp.example"], content).startswith("250")
        wait_until(
            lambda: any(b"first.last399999@x.example" in text for text in gateway.wait_maildir(3)),
            "the new table",
        )
        begin = time.monotonic()
        assert gateway.ask("reload")["problems"] == []
        print(f"and unchanged in {time.monotonic() - begin:.2f} s")
        (tmp_path / "masquerade.txt").write_text(masquerade_lines(400_001, "corp.example"))
        (problem,) = gateway.ask("reload")["problems"]
        assert problem.endswith("masquerade.txt:400001: the table has more than 400000 entries")
    finally:
        gateway.stop()
