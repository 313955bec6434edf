"""Certificates that the gateway keeps, on their way to the workers."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailwarden.app.accepted import Accepted, from_memory
from mailwarden.app.kept_pairs import CERTIFICATES, KeptPairs
from mailwarden.app.pair_reading import NOT_KEPT
from mailwarden.app.station_plans import client_tls, server_tls
from mailwarden.control.config.certificates import certificate_users, kept_in_use
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError, demo_text, parse_config
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.crypto.tls import CertificateError
from tests.unit.services.certificates.authority import NOW

BASE = Path("/etc/mailwarden")


def config_of(*names: str, **settings: Any) -> GatewayConfig:
    """Return a configuration whose listener uses the first certificate, and delivery the last."""
    tree = yaml.safe_load(demo_text())
    tree["listeners"][0]["certificate"] = names[0]
    tree["certificates"] = {name: {} for name in names}
    tree.setdefault("delivery", {})["certificate"] = names[-1]
    tree.update(settings)
    return parse_config(yaml.safe_dump(tree), "file", BASE, look_at_files=False)


@pytest.fixture
def store(tmp_path: Path) -> CertificateStore:
    store = CertificateStore(tmp_path / CERTIFICATES)
    store.make_new("mx", KeyType.P_256, Wanted(common_name="mx.corp.example"), NOW)
    return store


@pytest.fixture
def pairs(tmp_path: Path) -> KeptPairs:
    return KeptPairs(tmp_path, None, SimulatedClock())


def test_only_what_is_used_is_handed_over(store: CertificateStore, pairs: KeptPairs) -> None:
    store.make_new("spare", KeyType.P_256, Wanted(common_name="mx.corp.example"), NOW)
    config = config_of("mx", "spare", "mx")
    assert certificate_users(config) == {"mx": ['Listener "Public"', "Delivery"]}
    handed = pairs.load(config, "version 2")
    assert handed == ({"mx": store.pem("mx").decode()}, ())
    accepted = Accepted(config, "text", {"table": "x"}, 2, handed.pairs)
    assert from_memory(accepted.to_memory()) == ("text", {"table": "x"}, dict(handed.pairs))
    assert "PRIVATE KEY" not in repr(accepted)
    assert server_tls(config, BASE, config.listeners[0], handed.pairs) is not None
    assert client_tls(config, BASE, handed.pairs)
    with pytest.raises(CertificateError, match="mx was not handed over"):
        server_tls(config, BASE, config.listeners[0], {})


def test_the_configuration_says_which_one_of_a_name(
    store: CertificateStore, pairs: KeptPairs
) -> None:
    other = sign_self(make_key(KeyType.P_256), Wanted(common_name="b.example"), NOW)
    first, fingerprint = store.pem("mx").decode(), store.keep_beside("mx", other)
    assert pairs.load(config_of("mx"), "x").pairs["mx"] == first
    config = config_of("mx", certificates={"mx": {"fingerprint": fingerprint}})
    assert pairs.load(config, "x").pairs["mx"] == store.pem("mx", fingerprint).decode() != first
    config = config_of("mx", certificates={"mx": {"fingerprint": "0" * 32}})
    handed = pairs.load(config, "x")
    assert handed.pairs["mx"] == first
    assert handed.notes == ("The certificate mx is another one than was committed",)


def test_what_cannot_be_had_is_refused_but_not_at_the_start(
    store: CertificateStore, pairs: KeptPairs, tmp_path: Path
) -> None:
    config = config_of("mx", "mx9")
    with pytest.raises(ConfigError) as caught:
        pairs.load(config, "version 3")
    assert str(caught.value) == f"version 3: certificates.mx9: {NOT_KEPT}"
    handed = pairs.load(config, "version 3", is_start=True)
    assert handed.pairs == {
        "mx": store.pem("mx").decode(),
        "mx9": CertificateStore(tmp_path / CERTIFICATES).pem("system").decode(),
    }
    (note,) = handed.notes
    assert note.endswith("; the system certificate is used instead")
    path = tmp_path / CERTIFICATES / "mx" / "pair.pem"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="mx: is damaged"):
        pairs.load(config_of("mx"), "x")
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="mx: cannot be read"):
        pairs.load(config_of("mx"), "x")


def test_what_an_authority_is_to_give_out_is_there_at_once(
    pairs: KeptPairs, tmp_path: Path
) -> None:
    acme = {
        "directory": "https://acme.example/dir",
        "terms_agreed": True,
        "certificates": {"mx": {"domains": ["mx1.corp.example"]}},
    }
    config = config_of("mx", acme=acme)
    assert list(kept_in_use(config)) == ["mx"]
    first = pairs.load(config, "x").pairs
    assert CertificateStore(tmp_path / CERTIFICATES).load("mx").pair.is_self_signed
    assert pairs.load(config, "x").pairs == first


def test_without_certificates_there_is_no_store(pairs: KeptPairs, tmp_path: Path) -> None:
    config = parse_config(demo_text(), "x", BASE, look_at_files=False)
    assert pairs.load(config, "x") == ({}, ())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"certificate": "a.pem"}, "mx.key: is missing"),
        ({"key": "a.pem"}, "mx.certificate: is missing"),
        ({"fingerprint": "12"}, "takes 32 digits"),
        ({"certificate": "a", "key": "b", "fingerprint": "0" * 32}, "mx.fingerprint: is of"),
    ],
)
def test_halves_are_refused(entry: dict[str, str], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        config_of("mx", certificates={"mx": entry})
