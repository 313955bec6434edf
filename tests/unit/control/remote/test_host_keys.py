"""Host keys: made once, kept, and only those that there are (CLI-06)."""

import stat
from pathlib import Path

import asyncssh
import pytest

from mailwarden.control.remote.host_keys import HostKeyError, fingerprints, load_host_keys
from mailwarden.core.access.ssh_settings import HOST_KEYS, fips_subset

FAST = ("ssh-ed25519", "ecdsa-sha2-nistp256")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_they_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "ssh"
    first = fingerprints(load_host_keys(folder, HOST_KEYS))
    assert names(folder) == ["ssh_host_ecdsa_key", "ssh_host_ed25519_key", "ssh_host_rsa_key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [line.split()[0] for line in first] == ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]
    assert all(line.split()[1].startswith("SHA256:") for line in first)
    assert fingerprints(load_host_keys(folder, HOST_KEYS)) == first


def test_rsa_signs_with_sha_2_only(tmp_path: Path) -> None:
    pairs = load_host_keys(tmp_path, ("rsa-sha2-512", "rsa-sha2-256"))
    assert [list(pair.host_key_algorithms) for pair in pairs] == [
        [b"rsa-sha2-512", b"rsa-sha2-256"]
    ]


def test_cli_06_a_type_that_is_not_there_is_not_missed(tmp_path: Path) -> None:
    load_host_keys(tmp_path, FAST)
    (tmp_path / "ssh_host_ed25519_key").unlink()
    (pair,) = load_host_keys(tmp_path, HOST_KEYS)
    assert pair.algorithm == b"ecdsa-sha2-nistp256"
    assert names(tmp_path) == ["ssh_host_ecdsa_key"]


def test_fips_mode_makes_what_it_lacks(tmp_path: Path) -> None:
    load_host_keys(tmp_path, ("ssh-ed25519",))
    pairs = load_host_keys(tmp_path, fips_subset(FAST))
    assert [pair.algorithm for pair in pairs] == [b"ecdsa-sha2-nistp256"]


def test_what_is_broken_is_told_and_stays(tmp_path: Path) -> None:
    load_host_keys(tmp_path, FAST)
    path = tmp_path / "ssh_host_ecdsa_key"
    good = path.read_bytes()
    path.write_bytes(good[:100])
    with pytest.raises(HostKeyError, match="no usable private key"):
        load_host_keys(tmp_path, FAST)
    path.write_bytes(good)
    path.chmod(0o644)
    with pytest.raises(HostKeyError, match="may be read by others"):
        load_host_keys(tmp_path, FAST)
    path.write_bytes((tmp_path / "ssh_host_ed25519_key").read_bytes())
    path.chmod(0o600)
    with pytest.raises(HostKeyError, match="another type"):
        load_host_keys(tmp_path, ("ecdsa-sha2-nistp256",))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostKeyError, match="cannot be made"):
        load_host_keys(tmp_path / "file" / "ssh", FAST)


def test_others_can_read_what_we_write(tmp_path: Path) -> None:
    load_host_keys(tmp_path, FAST)
    for path in tmp_path.iterdir():
        assert path.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
        assert asyncssh.read_private_key(path)
