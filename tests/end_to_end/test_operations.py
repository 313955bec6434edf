"""What an administrator does with a running gateway: status, queue, reload, pause."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mailwarden
from tests.certificates import CertificateAuthority
from tests.end_to_end.gateway import (
    Client,
    Gateway,
    base_config,
    free_port,
    message,
    running,
    wait_until,
)
from tests.end_to_end.sink import Sink


def command(gateway: Gateway, *arguments: str, code: int = 0, given: str | None = None) -> str:
    """Run `mailwarden` as an administrator would, who types `given`; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input=given,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def send(gateway: Gateway, *recipients: str, content: bytes | None = None) -> int:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        reply = client.message(list(recipients or ("bob@corp.example",)), content or message())
    assert reply.startswith("250 ok:  Message "), reply
    return int(reply.split()[3])


def test_status_shows_workers_listeners_and_counters(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as gateway:
        send(gateway)
        gateway.wait_log("Message finished MID")
        text = command(gateway, "status")
        assert "gw1.corp.example: running" in text
        assert f"127.0.0.1:{gateway.port()}" in text
        status = json.loads(command(gateway, "status", "--json"))
        assert [worker["state"] for worker in status["workers"]] == ["running", "running"]
        assert status["totals"]["messages_in"] == 1
        assert status["totals"]["delivered"] == 1
    text = command(gateway, "status", code=3)
    assert "no gateway is running" in text


def test_pause_resume_and_that_a_pause_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        command(gateway, "queue", "pause")
        mid = send(gateway)
        assert f"{mid}" in command(gateway, "queue", "list")
        gateway.stop()
        gateway.start()
        assert gateway.status()["work_queue"] == "paused"
        assert gateway.maildir() == []
        command(gateway, "queue", "resume")
        gateway.wait_maildir(1)
        gateway.wait_log(f"Message finished MID {mid} done")
        assert "no message is waiting" in command(gateway, "queue", "list")


def test_a_message_is_shown_held_released_and_retried(tmp_path: Path) -> None:
    refusing = [True]

    def answer(verb: str, _line: bytes) -> bytes | None:
        return b"451 come back later\r\n" if refusing[0] and verb == "RCPT" else None

    with (
        Sink(answer) as sink,
        running(tmp_path, smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        mid = send(gateway)
        gateway.wait_log("pending till")
        shown = command(gateway, "queue", "show", str(mid))
        assert "ann@partner.example" in shown
        assert "bob@corp.example" in shown
        assert "Quarterly numbers" in shown
        listed = command(gateway, "queue", "list")
        assert "come back later" in listed or "4." in listed
        assert "corp.example" in command(gateway, "queue", "summary") or "127.0.0.1" in command(
            gateway, "queue", "summary"
        )
        command(gateway, "queue", "hold", str(mid))
        gateway.wait_log(f"MID {mid} ")
        refusing[0] = False
        command(gateway, "queue", "retry", "all")
        time.sleep(0.5)
        assert sink.messages == []
        command(gateway, "queue", "release", str(mid))
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: len(sink.messages) == 1, "the message")
        gateway.wait_log(f"Message finished MID {mid} done")
        assert "no message" in command(gateway, "queue", "show", str(mid), code=1)
        assert "no message" in command(gateway, "queue", "hold", "999999", code=1)


def test_reload_swaps_the_configuration_whole(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        with Client(gateway.port()) as old:
            old.command("EHLO x")
            gateway.listener()["accepted_domains"] = ["new.example"]
            gateway.config["smtp_routes"]["new.example"] = f"maildir:{tmp_path}/maildir"
            gateway.write_config()
            assert "reloaded" in command(gateway, "reload")
            old.command("MAIL FROM:<ann@partner.example>")
            assert old.command("RCPT TO:<bob@corp.example>").startswith("250")
        with Client(gateway.port()) as new:
            new.command("EHLO x")
            new.command("MAIL FROM:<ann@partner.example>")
            assert new.command("RCPT TO:<bob@corp.example>").startswith("550")
            assert new.command("RCPT TO:<bob@new.example>").startswith("250")
        gateway.wait_log("Configuration reloaded")


def test_an_invalid_file_changes_nothing_and_tells_everything(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        good = gateway.path.read_text()
        gateway.path.write_text(good.replace("type: public", "type: pubic") + "\nworkerz: 3\n")
        text = command(gateway, "reload", code=1)
        assert "pubic" in text
        assert "workerz" in text
        assert "did you mean" in text
        assert "nothing was changed" in text
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_log("Configuration not reloaded")
        send(gateway)
        gateway.wait_maildir(1)
        gateway.path.write_text(good)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_log("Configuration reloaded")


def test_listeners_come_and_go_with_a_reload(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as gateway:
        old_port, new_port = gateway.port("Out"), free_port()
        gateway.listener("Out")["port"] = new_port
        gateway.write_config()
        command(gateway, "reload")
        wait_until(lambda: _greets(new_port), "the new port")
        wait_until(lambda: not _greets(old_port), "the end of the old port")
        assert _greets(gateway.port())


def _greets(port: int) -> bool:
    try:
        with Client(port) as client:
            return client.banner.startswith("220")
    except OSError:
        return False


def test_workers_as_root_are_refused(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "only root can choose a user: run this test as root"
    gateway = Gateway(tmp_path, base_config(tmp_path, user="root"))
    gateway.write_config()
    assert "has all rights; name one without" in command(gateway, "run", code=1)


def test_a_status_is_shown_although_the_file_was_broken_meanwhile(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.path.write_text(gateway.path.read_text() + "\nworkerz: 3\n")
        assert "running" in command(gateway, "status")


def test_a_request_that_makes_no_sense_gets_an_error(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        answer = gateway.ask("queue_show", mid="seven")
        assert "not understood" in answer["workers"][0]["error"]
        assert "does not know the command" in gateway.ask("dance")["workers"][0]["error"]
        assert gateway.is_up()


def test_a_port_in_use_is_explained(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with running(tmp_path / "one") as first:
        config = base_config(tmp_path / "two")
        config["listeners"][0]["port"] = first.port()
        second = Gateway(tmp_path / "two", config)
        second.write_config()
        text = command(second, "run", code=1)
        assert str(first.port()) in text
        assert f"process {first.process.pid} (" in text
        assert not (second.state / "log").exists()


def test_two_gateways_cannot_share_a_state_directory(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        other = base_config(tmp_path)
        path = tmp_path / "second.yaml"
        path.write_text(json.dumps(other))
        done = subprocess.run(
            [sys.executable, "-m", "mailwarden.app", "--config", str(path), "run"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        assert first.process is not None
        assert f"running already with {first.state}: process {first.process.pid};" in done.stderr
        mid = send(first)
        first.wait_log(f"Message finished MID {mid} done")
        assert first.log().count("Begin Logfile") == 1


def test_graceful_stop_finishes_the_message_under_way(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        with Client(gateway.port()) as busy, Client(gateway.port()) as idle:
            busy.command("EHLO x")
            busy.command("MAIL FROM:<ann@partner.example>")
            busy.command("RCPT TO:<bob@corp.example>")
            busy.command("DATA")
            busy.send(message())
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGTERM)
            assert idle.reply().startswith("421 gw1.corp.example Service not available")
            busy.send(b".\r\n")
            assert busy.reply().startswith("250 ok:  Message")
        assert gateway.process.wait(30) == 0
        gateway.start()
        gateway.wait_maildir(1)


def test_rotation_keeps_every_line(tmp_path: Path) -> None:
    with running(tmp_path, workers=2, logs={"rotate_size_bytes": 20_000, "json": True}) as gateway:
        mids = [send(gateway) for _ in range(60)]
        gateway.wait_log(f"Message finished MID {mids[-1]} done")
        folder = gateway.state / "log"
        wait_until(lambda: len(list(folder.glob("mail.log.*"))) >= 1, "a rotated log")
        gateway.stop()
        text = "".join(path.read_text() for path in folder.glob("mail.log*"))
        for mid in mids:
            assert text.count(f"Message finished MID {mid} done") == 1
        events = [
            json.loads(line)
            for path in folder.glob("mail.json*")
            for line in path.read_text().splitlines()
        ]
        finished = [event for event in events if event["event"] == "finished"]
        assert sorted(event["mid"] for event in finished) == sorted(mids)


def test_workers_run_without_privileges() -> None:
    assert os.geteuid() == 0, "only root can give up privileges: run this test as root"
    folder = Path(tempfile.mkdtemp(prefix="mailwarden-user-"))
    folder.chmod(0o755)  # pytest's own folders keep other users out
    config = base_config(folder, user="nobody", smtp_routes={"corp.example": "/dev/null"})
    gateway = Gateway(folder, config)
    # The interpreter of the test may lie in root's own folder, where nobody else can run it.
    gateway.python = "/usr/bin/python3"
    own = [path for path in sys.path if "site-packages" in path]
    source = str(Path(mailwarden.__file__).parent.parent)
    gateway.environment = {"PYTHONPATH": os.pathsep.join([source, *own])}
    gateway.start()
    try:
        (pid,) = gateway.worker_pids()
        status = Path(f"/proc/{pid}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:"))
        assert "0" not in uids.split()[1:]
        groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
        assert groups.split()[1:] == []
        assert "NoNewPrivs:\t1" in status
        mid = send(gateway)
        gateway.wait_log(f"Message finished MID {mid} done")
        # A key that only root can read is fine for the supervisor, but not for the workers.
        authority = CertificateAuthority(folder)
        files = authority.issue("gw1.corp.example")
        os.chmod(files.key, 0o600)
        gateway.config["certificates"] = {
            "gw": {"certificate": files.certificate, "key": files.key}
        }
        gateway.listener().update(certificate="gw", policy={"tls": "preferred"})
        gateway.write_config()
        gateway.ask("reload")
        gateway.wait_log("Configuration taken back, as a worker cannot use it")
        assert gateway.worker_pids() == [pid]
        send(gateway)
    finally:
        gateway.stop()
        shutil.rmtree(folder)
