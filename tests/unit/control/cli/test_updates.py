"""`updates sign`: the signed list of updates, from the command line."""

import subprocess
from pathlib import Path

import pytest

from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.main import run
from mailwarden.services.updates.manifest import parse_manifest
from mailwarden.system.crypto.ed25519 import Verifier

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key beside it and one version in it."""
    for words in (
        ["genpkey", "-algorithm", "ed25519", "-out", "key.pem"],
        ["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"],
    ):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)
    version = tmp_path / "shown" / "reputation" / "1.0"
    version.mkdir(parents=True)
    (version / "scores.txt").write_text("192.0.2.1 -1.0\n")
    (version / ".draft").write_text("not for others")
    return tmp_path / "shown"


def sign(folder: Path, *versions: str, key: str = "key.pem") -> int:
    argv = ["updates", "sign", "--key", str(folder.parent / key), "--days", "30"]
    return run([*argv, str(folder), *versions], {})


def test_a_list_is_signed(folder: Path, capsys: Capture) -> None:
    assert sign(folder, "reputation/1.0/") == ExitCode.DONE
    content = (folder / "updates.xml").read_bytes()
    manifest = parse_manifest(content)
    offer = manifest.offers["reputation"]
    assert offer.version == "1.0"
    assert [(file.path, file.size) for file in offer.files] == [("reputation/1.0/scores.txt", 15)]
    key = Verifier((folder.parent / "public.pem").read_bytes())
    key.verify(content, (folder / "updates.xml.sig").read_bytes())
    said = capsys.readouterr().out
    assert said.startswith("reputation 1.0: 1 file\n")
    assert f"serial {manifest.serial}, good until {manifest.expires}" in said
    assert (folder / "updates.xml").stat().st_mode & 0o777 == 0o644


WRONG = [
    (["reputation"], "key.pem", "as COMPONENT/VERSION"),
    (["reputation/1.0", "reputation/1.0"], "key.pem", "name each component once"),
    (["reputation/2.0"], "key.pem", "No such file"),
    (["reputation/1.0"], "missing.pem", "No such file"),
    (["reputation/1.0"], "public.pem", "is not a private key"),
    (["Reputation/1.0"], "key.pem", "no name of a component"),
    (["empty/1.0"], "key.pem", "no file for empty"),
]


@pytest.mark.parametrize(("versions", "key", "message"), WRONG)
def test_what_cannot_be_signed(
    folder: Path, capsys: Capture, versions: list[str], key: str, message: str
) -> None:
    (folder / "empty" / "1.0").mkdir(parents=True)
    (folder / "Reputation").symlink_to("reputation")
    assert sign(folder, *versions, key=key) == ExitCode.PROBLEM
    assert message in capsys.readouterr().err
    assert not (folder / "updates.xml").exists()


@pytest.mark.parametrize("days", ["0", "x", "99999"])
def test_days_that_make_no_sense(folder: Path, capsys: Capture, days: str) -> None:
    argv = ["updates", "sign", "--key", "k", "--days", days, str(folder), "a/1"]
    assert run(argv, {}) == ExitCode.USAGE
    assert "from 1 to 3650" in capsys.readouterr().err
