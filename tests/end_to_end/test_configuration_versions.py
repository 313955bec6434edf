"""`mailwarden config ...` beside a gateway: the file, commits, conflicts, undo, a damaged store."""

import json
import stat
from pathlib import Path

import yaml

from mailwarden.control.config.reader import load_config
from tests.end_to_end.gateway import Client, Gateway, running
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command

SECRET = "s3cret of the updates"


def config(gateway: Gateway, *words: str, code: int = 0) -> str:
    return command(gateway, "config", *words, code=code)


def commit(gateway: Gateway, *lines: str) -> str:
    """Commit what lines of the CLI change."""
    return command(gateway, "cli", given="".join(f"{line}\n" for line in (*lines, "commit by cli")))


def hostname(gateway: Gateway) -> str:
    """Return the name that clients are greeted with."""
    with Client(gateway.port()) as client:
        return client.banner.split()[1]


def edit(gateway: Gateway, **changes: object) -> None:
    """Change the gateway's own file."""
    gateway.config.update(changes)
    gateway.write_config()


def test_the_file_and_commits_follow_one_another(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        assert config(gateway, "diff") == "no differences\n"
        commit(gateway, "sethostname mail2.corp.example")
        assert hostname(gateway) == "mail2.corp.example"
        assert config(gateway, "diff") == ("~ hostname: mail2.corp.example -> gw1.corp.example\n")
        # An edit of the file changes just that, and leaves what was committed.
        edit(gateway, work_queue={"concurrency_max": 7})
        dry = config(gateway, "apply", "--dry-run")
        assert "work_queue" in dry
        assert "version 2 is in force" not in dry
        assert config(gateway, "apply", "--comment", "less at once") == "version 3 is in force\n"
        assert hostname(gateway) == "mail2.corp.example"
        rows = json.loads(config(gateway, "history", "--json"))
        assert [(row["version"], row["source"], row["comment"]) for row in rows] == [
            (3, "file", "less at once"),
            (2, "cli", "by cli"),
            (1, "file", ""),
        ]
        assert rows[1]["changes"] == ["~ hostname: gw1.corp.example -> mail2.corp.example"]


def test_a_conflict_is_told_and_can_be_settled(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        commit(gateway, "sethostname mail2.corp.example")
        edit(gateway, hostname="mail3.corp.example")
        told = config(gateway, "apply", code=1)
        assert (
            "others have changed the same since the file was applied last: hostname (version 2"
            in (told)
        )
        assert "`mailwarden config apply --overwrite`" in told
        assert "nothing was changed" in command(gateway, "reload", code=1)
        assert hostname(gateway) == "mail2.corp.example"
        # Either the others' changes go into the file ...
        out = tmp_path / "merged.yaml"
        config(gateway, "export", "--output", str(out))
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        assert load_config(out).hostname == "mail2.corp.example"
        assert "--force replaces it" in config(gateway, "export", "--output", str(out), code=1)
        config(gateway, "export", "--output", str(out), "--force")
        # ... or the file wins.
        assert config(gateway, "apply", "--overwrite") == "version 3 is in force\n"
        assert hostname(gateway) == "mail3.corp.example"
        assert config(gateway, "diff") == "no differences\n"


def test_a_named_file_is_applied_whole(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        commit(gateway, "sethostname mail2.corp.example")
        new = tmp_path / "new.yaml"
        new.write_text(yaml.safe_dump({**gateway.config, "hostname": "mail4.corp.example"}))
        shown = config(gateway, "apply", str(new), "--dry-run")
        assert shown == "~ hostname: mail2.corp.example -> mail4.corp.example\n"
        assert hostname(gateway) == "mail2.corp.example"
        assert config(gateway, "apply", str(new)) == "version 3 is in force\n"
        assert hostname(gateway) == "mail4.corp.example"
        new.write_text("hostname: [")
        assert f"{new}:2:1: is not YAML" in config(gateway, "apply", str(new), code=1)
        broken = {**gateway.config, "workers": 1000}
        new.write_text(yaml.safe_dump(broken))
        assert "workers: 1000" in config(gateway, "apply", str(new), code=1)
        assert "version 3" in config(gateway, "verify")


def test_going_back(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        commit(gateway, "sethostname mail2.corp.example")
        commit(gateway, "sethostname mail3.corp.example")
        assert config(gateway, "diff", "1", "3") == (
            "~ hostname: gw1.corp.example -> mail3.corp.example\n"
        )
        plain = json.loads(config(gateway, "diff", "2", "--json"))
        assert plain == [
            {
                "change": "changed",
                "path": "hostname",
                "before": "mail2.corp.example",
                "after": "mail3.corp.example",
            }
        ]
        done = config(gateway, "rollback", "1", "--comment", "the old name")
        assert done == "version 4 is in force\n"
        assert hostname(gateway) == "gw1.corp.example"
        assert "as version 1" in config(gateway, "history")
        assert "there is no version 99" in config(gateway, "rollback", "99", code=1)
        assert "Version:  4\n" in cli(gateway, "commitdetail")
        export = yaml.safe_load(config(gateway, "export", "--version", "3"))
        assert export["hostname"] == "mail3.corp.example"


def test_secrets_are_shown_nowhere_but_in_what_is_exported(tmp_path: Path) -> None:
    proxy = {"host": "127.0.0.1:1", "user": "gw", "password": SECRET}
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        edit(gateway, updates={"http_proxy": proxy})
        assert SECRET not in config(gateway, "diff")
        assert SECRET not in config(gateway, "diff", "--json")
        config(gateway, "apply")
        assert SECRET not in config(gateway, "history", "--json")
        assert SECRET not in config(gateway, "audit", "--json")
        assert SECRET not in cli(gateway, "showconfig", "secrets", "mask")
        assert SECRET in config(gateway, "export")
        folder = gateway.state / "management"
        for path in (folder, *folder.rglob("*")):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_what_is_done_is_in_the_audit_log(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        cli(gateway, "saveconfig", "all.xml", "secrets", "mask")
        records = json.loads(config(gateway, "audit", "--json", "--limit", "50"))
        (saved,) = (each for each in records if each["action"] == "saveconfig")
        assert (saved["user"], saved["detail"]) == ("admin", "all.xml, secrets masked")
        assert saved["allowed"]
        assert "saveconfig: all.xml, secrets masked" in config(gateway, "audit")


def test_a_damaged_store_is_refused_and_restored(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        commit(gateway, "sethostname mail2.corp.example")
        sound = config(gateway, "verify")
        assert "version 2 is in force" in sound
        assert "a gateway is running" in config(gateway, "restore", "--yes", code=1)
        gateway.stop()
        assert config(gateway, "verify") == sound
        _damage(gateway.state / "management" / "configuration.db")
        assert "damaged" in config(gateway, "verify", code=1)
        assert "`mailwarden config restore`" in config(gateway, "verify", code=1)
        gateway.start(wait=False)
        assert gateway.process is not None
        assert gateway.process.wait(60) != 0
        assert "mailwarden config restore" in gateway.output()
        refused = command(gateway, "config", "restore", given="\n", code=1)
        assert "nothing was changed" in refused
        assert config(gateway, "restore", "--yes") == "version 3 is what version 2 was\n"
        assert list((gateway.state / "management").glob("configuration.db.damaged-*"))
        gateway.start()
        assert hostname(gateway) == "mail2.corp.example"
        assert "version 3 is in force" in config(gateway, "verify")


def _damage(path: Path) -> None:
    """Change what a version says, as somebody would who wants nobody to notice."""
    content = path.read_bytes()
    at = content.index(b"mail2.corp.example")
    while at >= 0:
        content = content[:at] + b"evil2" + content[at + 5 :]
        at = content.find(b"mail2.corp.example")
    path.write_bytes(content)
