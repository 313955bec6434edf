"""`supportrequest`: what is in a bundle, and above all what is not (SYS-44)."""

import base64
import email
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.main import main
from mailwarden.control.config.reader import demo_text
from mailwarden.control.operations import support_bundle
from mailwarden.control.operations.support_bundle import Contents, build_bundle, secrets_in
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, sit

SECRET = "hidden-shared-secret"
PASSWORD = "hidden-update-password"
KEY = "-----BEGIN PRIVATE KEY-----\nhidden-key\n-----END PRIVATE KEY-----\n"


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the files of a bundle."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as bundle:
        files = {entry.name: bundle.extractfile(entry) for entry in bundle}
        return {name: file.read() for name, file in files.items() if file is not None}


@pytest.fixture
def planted(counter: Counter) -> Counter:
    """A gateway with secrets wherever some may be."""
    desk = counter.desk()
    administration = counter.administration
    tree: dict[str, Any] = {
        **desk.candidate.tree,
        "administration": {
            "external": {"radius_servers": [{"host": "192.0.2.9", "secret": SECRET}]},
        },
        "updates": {
            "http_proxy": {"host": "192.0.2.8:8080", "user": "me", "password": PASSWORD},
        },
    }
    assert secrets_in(tree) == {SECRET, PASSWORD}
    desk.candidate = desk.candidate.load(tree, support_bundle.MODEL)
    assert "Changes committed" in sit(desk, "commit", "").screen
    (administration.logs / "mail.log").write_text(f"Info: a line with {SECRET} {PASSWORD}\n")
    (administration.folder / "ssh").mkdir()
    for name in ("ssh/ssh_host_ed25519_key", "accounts.key"):
        (administration.folder / name).write_text(KEY)
    (administration.files / "other.pem").write_text(KEY)
    administration.host_keys = lambda: ("ssh-ed25519 SHA256:abc",)
    counter.gateway.answers["status"] = [{"state": "running", "note": SECRET}]
    return counter


def check(content: bytes) -> dict[str, bytes]:
    """Return the files, which have no secret in them."""
    files = unpacked(content)
    for name, data in files.items():
        for hidden in (SECRET, PASSWORD, "hidden-key", "PRIVATE KEY"):
            assert hidden.encode() not in data, name
    return files


def test_sys_44_a_bundle_has_all_but_secrets(planted: Counter) -> None:
    sitting = sit(planted.desk(), "supportrequest", "", "bundle.tgz")
    assert "The support bundle is /configuration/bundle.tgz." in sitting.shown
    path = planted.administration.files / "bundle.tgz"
    assert path.stat().st_mode & 0o777 == 0o600
    files = check(path.read_bytes())
    assert set(files) == {
        "support/about.txt", "support/status.json", "support/configuration.xml",
        "support/log/mail.log",
    }  # fmt: skip
    about = files["support/about.txt"].decode()
    assert "Version: 7.3.0\n" in about
    assert "SSH host keys:\n  ssh-ed25519 SHA256:abc\n" in about
    assert json.loads(files["support/status.json"]) == {"state": "running", "note": "*****"}
    assert files["support/log/mail.log"] == b"Info: a line with ***** *****\n"
    assert b"192.0.2.9" in files["support/configuration.xml"]
    record = planted.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("supportrequest", "bundle.tgz")


def test_a_bundle_is_mailed(planted: Counter) -> None:
    planted.gateway.answers["originate"] = [{"mid": 9}]
    sitting = sit(
        planted.desk(), "supportrequest", "mail", "help@support.example", "It is slow.", "."
    )
    assert "The support bundle is on its way." in sitting.shown
    asked = planted.gateway.asked[-1]
    assert (asked["command"], asked["to"]) == ("originate", ["help@support.example"])
    text, attached = email.message_from_string(asked["mail"]).get_payload()  # type: ignore[misc]
    assert "It is slow." in str(text)
    assert attached.get_content_type() == "application/gzip"  # type: ignore[union-attr]
    check(base64.b64decode(attached.get_payload()))  # type: ignore[union-attr, arg-type]


def test_without_the_gateway_the_bundle_says_so(counter: Counter) -> None:
    sit(counter.desk(), "supportrequest", "1", "bundle.tgz")
    files = check((counter.administration.files / "bundle.tgz").read_bytes())
    assert "no answer" in json.loads(files["support/status.json"])["error"]


def test_who_may_and_what_is_refused(counter: Counter) -> None:
    refused = sit(counter.desk("rita", Role.READ_ONLY_OPERATOR), "supportrequest")
    assert "You do not have permission to run supportrequest" in refused.screen
    (counter.administration.files / "there").mkdir()
    assert "/configuration/there: File exists" in sit(
        counter.desk(), "supportrequest", "", "there"
    ).screen  # fmt: skip
    assert "is no name of a file" in sit(counter.desk(), "supportrequest", "", "../x", "y").screen


def test_the_end_of_long_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_bundle, "LOG_BYTES_MAX", 10)
    (tmp_path / "mail.log.20101109T101502Z").write_bytes(b"0123456789")
    (tmp_path / "mail.log").write_bytes(b"abcde")
    (tmp_path / "bounces.log").write_bytes(b"x" * 20 + b"end")
    files = unpacked(build_bundle(Contents([], {}, b"", tmp_path, ["abc"], 0.0)))
    assert files["support/log/mail.log"] == b"56789abcde"  # what is short is a part of many words
    assert files["support/log/bounces.log"] == b"xxxxxxxend"
    gone = unpacked(build_bundle(Contents([], {}, b"", tmp_path / "none", [], 0.0)))
    assert b"No such file" in gone["support/log/unreadable.txt"]


def test_the_shell_form_works_without_a_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mailwarden.yaml"
    server = f"{{host: 192.0.2.9, secret: {SECRET}}}"
    external = f"administration: {{external: {{radius_servers: [{server}]}}}}"
    config.write_text(f"{demo_text()}\n{external}\n")
    target = tmp_path / "support.tgz"
    words = ["--config", str(config), "support", "bundle", str(target)]
    assert main(words) == 0
    files = check(target.read_bytes())
    assert b"Configuration: the file " in files["support/about.txt"]
    assert b"192.0.2.9" in files["support/configuration.xml"]
    assert "no gateway is running" in json.loads(files["support/status.json"])["error"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert main(words) != 0
    assert "cannot be written: File exists" in capsys.readouterr().err
