"""The store of certificates: ways in, ways out, and what a crash leaves."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from mailwarden.services.certificates.facts import facts_of
from mailwarden.services.certificates.kept_file import fingerprint_of, read_pair
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.pair import Pair, check_usable
from mailwarden.services.certificates.requests import (
    Wanted,
    make_key,
    make_request,
    sign_self,
)
from mailwarden.services.certificates.store import (
    BESIDE_MAX,
    CertificateInUseError,
    CertificateStore,
)
from mailwarden.system.crypto.memory_files import certificate_in_memory
from mailwarden.system.crypto.tls import client_context, server_context
from mailwarden.system.files.files import SystemFiles
from tests.unit.services.certificates.authority import NOW, Authority
from tests.unit.system.crypto.test_tls import shake_hands

WANTED = Wanted(common_name="mx.partner.example")


@pytest.fixture
def store(tmp_path: Path) -> CertificateStore:
    return CertificateStore(tmp_path / "certificates")


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("Root")


@pytest.fixture(scope="module")
def middle(root: Authority) -> Authority:
    return Authority("Middle", root)


@pytest.fixture(scope="module")
def parts(middle: Authority) -> tuple[bytes, bytes]:
    """Key and signed certificate of mx.partner.example."""
    key = make_key(KeyType.P_256)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, middle.sign(make_request(key, WANTED))


def test_crt_01_a_new_key_waits_for_its_authority(
    store: CertificateStore, root: Authority, middle: Authority, tmp_path: Path
) -> None:
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW)
    assert made.pair.is_self_signed
    assert store.load("mx").request == made.request
    signed = middle.sign(made.request)
    pair = store.join_signed("mx", root.pem + signed + middle.pem)
    fingerprint = store.keep_beside("mx", pair)
    assert [each.subject for each in (*pair.chain,)] == [
        middle.certificate.subject,
        root.certificate.subject,
    ]
    again = CertificateStore(tmp_path / "certificates").load("mx", fingerprint)
    assert (again.pair.pems, again.pair.key_pem) == (pair.pems, made.pair.key_pem)
    assert store.load("mx").pair == made.pair  # until the configuration names the other one
    renewed = store.join_signed("mx", middle.sign(made.request, days=400), fingerprint)
    assert renewed.chain == pair.chain  # known from before
    assert renewed.certificate != pair.certificate


def test_crt_01_a_certificate_of_another_key_is_not_taken(
    store: CertificateStore, parts: tuple[bytes, bytes]
) -> None:
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW)
    with pytest.raises(CertificateRefusedError, match=r"none of the certificates: CN=mx\.partner"):
        store.join_signed("mx", parts[1])
    assert store.load("mx") == made


def test_intermediates_can_come_later(
    store: CertificateStore, parts: tuple[bytes, bytes], middle: Authority, root: Authority
) -> None:
    store.paste("mx", parts[0] + parts[1])
    with pytest.raises(CertificateRefusedError, match="none of them is the issuer, CN=Middle"):
        store.join_intermediates("mx", root.pem)
    pair = store.join_intermediates("mx", middle.pem)
    assert len(pair.pems) == 2
    assert store.load("mx", store.keep_beside("mx", pair)).pair == pair


def test_what_is_in_use_stays_beside_what_took_its_place(
    store: CertificateStore, tmp_path: Path
) -> None:
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW).pair
    pairs = [sign_self(make_key(KeyType.P_256), WANTED, NOW) for _ in range(BESIDE_MAX + 2)]
    first = store.keep_beside("mx", pairs[0])
    prints = [store.keep_beside("mx", pair, in_use=[first]) for pair in pairs[1:]]
    assert store.load("mx", first).pair == pairs[0]
    assert store.load("mx", prints[0]).pair == made  # that one is gone; the name is still there
    assert store.load("mx", prints[-1]).pair == pairs[-1]
    assert store.keep_beside("mx", pairs[-1]) == prints[-1]
    assert len(list((tmp_path / "certificates/mx").iterdir())) == BESIDE_MAX + 3  # and a request
    with pytest.raises(KeyError):
        store.keep_beside("mx2", made)


def test_a_pair_is_read_for_others(store: CertificateStore, tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW)
    assert read_pair(folder, "mx") == (made.pair.key_pem + made.pair.certificate_pem, True)
    assert not read_pair(folder, "mx", "0" * 32).is_meant
    for name in ("mx1", "..", "a/b", ""):
        with pytest.raises(KeyError):
            read_pair(folder, name)
    (folder / "mx" / "pair.pem").rename(folder / "elsewhere")
    (folder / "mx" / "pair.pem").symlink_to(folder / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        read_pair(folder, "mx")


@pytest.mark.parametrize("order", ["kcm", "mck", "cmk", "mkc"])
def test_crt_01_pem_is_pasted_in_any_order(
    store: CertificateStore, parts: tuple[bytes, bytes], middle: Authority, order: str
) -> None:
    named = {"k": parts[0], "c": parts[1], "m": middle.pem}
    pair = store.paste("mx", b"Bag Attributes\n".join(named[each] for each in order))
    assert pair.pems == (parts[1], middle.pem)


def test_crt_01_an_encrypted_key_opens_with_its_password(
    store: CertificateStore, parts: tuple[bytes, bytes]
) -> None:
    key = make_key(KeyType.P_384)
    pair = sign_self(key, WANTED, NOW)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))
    for password, part in (("", "needs its password"), ("wrong", "the password is wrong")):
        with pytest.raises(CertificateRefusedError, match=part):
            store.paste("mx", locked + pair.certificate_pem, password)
    assert store.names() == []
    assert store.paste("mx", locked + pair.certificate_pem, "open").key_pem == pair.key_pem


def test_crt_01_pkcs12_goes_out_and_comes_in(
    store: CertificateStore, parts: tuple[bytes, bytes], middle: Authority
) -> None:
    pair = store.paste("mx", parts[0] + parts[1] + middle.pem)
    with pytest.raises(CertificateRefusedError, match="8 letters"):
        store.export_pkcs12("mx", "short")
    exported = store.export_pkcs12("mx", "long enough")
    assert load_pkcs12(exported, b"long enough").cert is not None
    with pytest.raises(CertificateRefusedError, match="the password is wrong"):
        store.import_pkcs12("copy", exported, "long enoughh")
    assert store.import_pkcs12("copy", exported, "long enough") == pair
    assert store.names() == ["copy", "mx"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "no certificate and no private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "malformed"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is malformed"),
        (b"x" * 300_000, "larger than"),
    ],
)
def test_what_cannot_be_pasted(store: CertificateStore, content: bytes, part: str) -> None:
    with pytest.raises(CertificateRefusedError, match=part):
        store.paste("mx", content)
    assert store.names() == []


def test_what_does_not_belong_together(
    store: CertificateStore, parts: tuple[bytes, bytes], middle: Authority
) -> None:
    for content, part in (
        (parts[0] + middle.pem, "belongs to none of the certificates: CN=Middle"),
        (parts[0], "there is no certificate"),
        (parts[1], "there is no private key"),
        (parts[0] * 2 + parts[1], "there are 2 private keys"),
        (parts[0] + parts[1] * 20, "more than 20 PEM blocks"),
    ):
        with pytest.raises(CertificateRefusedError, match=part):
            store.paste("mx", content)


def test_crt_02_weak_keys_are_refused(store: CertificateStore) -> None:
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256K1())):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(CertificateRefusedError, match=r"has 1024 bits|curve secp256k1"):
            store.paste("mx", pem)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (KeyType.RSA_2048, "RSA 2048"),
        (KeyType.P_256, "ECDSA P-256"),
        (KeyType.P_384, "ECDSA P-384"),
    ],
)
def test_crt_02_kinds_of_keys_work(kind: KeyType, shown: str) -> None:
    pair = sign_self(make_key(kind), WANTED, NOW)
    assert facts_of(pair.certificate).key == shown
    with certificate_in_memory(pair.certificate_pem, pair.key_pem) as files:
        server = server_context(files, verify_client=False)
    client, _ = shake_hands(server, client_context("", verify=False))
    der = client.getpeercert(binary_form=True)
    assert der == pair.certificate.public_bytes(Encoding.DER)


def test_a_pair_is_printed(store: CertificateStore) -> None:
    wanted = Wanted(
        common_name="mx\u202e.example", organization="Corp", country="DE", days=10,
        names=("mx.example", "*.m\u00fcller.example", "192.0.2.1"),
    )  # fmt: skip
    with pytest.raises(ValueError, match="common_name has signs"):
        store.make_new("mx", KeyType.P_256, wanted, NOW)
    wanted = Wanted(
        common_name="mx.example", organization="Corp", country="DE", days=10,
        names=("mx.example", "*.m\u00fcller.example", "192.0.2.1"),
    )  # fmt: skip
    facts = facts_of(store.make_new("mx", KeyType.P_256, wanted, NOW).pair.certificate)
    assert facts.subject == facts.issuer == "CN=mx.example,O=Corp,C=DE"
    assert facts.names == ("mx.example", "*.xn--mller-kva.example", "192.0.2.1")
    assert facts.ends_at == NOW + 10 * 86400
    assert facts.is_self_signed
    assert len(facts.fingerprint) == 95
    assert facts.signature == "ecdsa-with-SHA256"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"common_name": ""}, "common_name"),
        ({"common_name": "x" * 65}, "common_name"),
        ({"country": "Germany"}, "country"),
        ({"email": "no"}, "email"),
        ({"days": 0}, "days"),
        ({"days": 99_999}, "days"),
        ({"names": ("not a host",)}, "names"),
        ({"names": ("a.example",) * 101}, "names"),
    ],
)
def test_what_no_certificate_can_say(change: dict[str, object], path: str) -> None:
    wanted = Wanted(**{"common_name": "mx.example", **change})  # type: ignore[arg-type]
    assert path in [problem.path for problem in wanted.problems()]


def test_crt_06_names(store: CertificateStore) -> None:
    for name in ("", ".", "..", "a/b", ".hidden", "x" * 65, "a\n", "\u00e9", "a\0"):
        with pytest.raises(ValueError, match="is no name"):
            store.make_new(name, KeyType.P_256, WANTED, NOW)
        with pytest.raises(KeyError):
            store.load(name)
        with pytest.raises(KeyError):
            store.pem(name)
    store.make_new("mx 2026_a-b.c", KeyType.P_256, WANTED, NOW)
    with pytest.raises(ValueError, match="already"):
        store.make_new("mx 2026_a-b.c", KeyType.P_256, WANTED, NOW)
    assert store.names() == ["mx 2026_a-b.c"]


def test_crt_07_what_is_used_stays(store: CertificateStore) -> None:
    store.make_new("mx", KeyType.P_256, WANTED, NOW)
    with pytest.raises(CertificateInUseError, match="used by listener In, delivery") as caught:
        store.remove("mx", lambda name: ["listener In", "delivery"])
    assert caught.value.users == ("listener In", "delivery")
    assert store.names() == ["mx"]
    store.remove("mx", lambda name: [])
    assert store.names() == []
    with pytest.raises(KeyError):
        store.remove("mx", lambda name: [])


def test_com_13_a_certificate_gets_another_name(store: CertificateStore) -> None:
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW)
    store.rename("mx", "mx1")
    assert store.names() == ["mx1"]
    assert store.load("mx1").pair == made.pair
    with pytest.raises(KeyError):
        store.rename("mx", "mx2")


def test_keys_are_for_nobody_else(store: CertificateStore, tmp_path: Path) -> None:
    store.make_new("mx", KeyType.P_256, WANTED, NOW)
    folder = tmp_path / "certificates"
    for path, mode in ((folder, 0o700), (folder / "mx", 0o700), (folder / "mx/pair.pem", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


class DyingFiles(SystemFiles):
    """Dies before its `n`th change."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def _step(self) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1

    def pwritev(self, *arguments):
        self._step()
        return SystemFiles.pwritev(*arguments)

    def rename(self, *arguments):
        self._step()
        SystemFiles.rename(*arguments)

    def make_directory(self, path):
        self._step()
        super().make_directory(path)

    def unlink(self, path):
        self._step()
        SystemFiles.unlink(path)


@pytest.mark.interpreted  # a class of the test stands in for a compiled one
@pytest.mark.parametrize("steps", range(10))
def test_whatever_dies_there_is_an_old_pair_or_a_new_one(tmp_path: Path, steps: int) -> None:
    old, new, other = (sign_self(make_key(KeyType.P_256), WANTED, NOW) for _ in range(3))
    store = CertificateStore(tmp_path)
    store.add("mx", old, b"request")
    dying = CertificateStore(tmp_path, DyingFiles(steps))
    changes = (
        lambda: dying.add("mx2", new, b"request"),
        lambda: dying.replace("mx", new),
        lambda: dying.remove("mx2", lambda name: []),
        lambda: dying.keep_beside("mx", other),
    )
    died = False
    for change in changes:
        try:
            change()
        except (KeyboardInterrupt, KeyError):
            died = True
    assert died or steps > 8
    after = CertificateStore(tmp_path)
    assert set(after.names()) <= {"mx", "mx2"}
    assert after.load("mx").pair in (old, new)
    beside = after.load("mx", fingerprint_of(other.certificate_pem)).pair
    assert beside in (old, new, other)
    if "mx2" in after.names():
        assert (after.load("mx2").pair, after.load("mx2").request) == (new, b"request")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_damaged_file_is_named(store: CertificateStore, tmp_path: Path) -> None:
    made = store.make_new("mx", KeyType.P_256, WANTED, NOW)
    path = tmp_path / "certificates/mx/pair.pem"
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[:-100], whole.replace(b"M", b"N")):
        path.write_bytes(content)
        with pytest.raises(CertificateRefusedError, match=r"pair\.pem is damaged"):
            store.load("mx")
    path.unlink()
    with pytest.raises(CertificateRefusedError):
        store.load("mx")
    path.write_bytes(whole)
    assert store.load("mx").pair == made.pair
    assert store.pem("mx") == whole


def test_pem_of_the_store_is_what_openssl_takes(store: CertificateStore, tmp_path: Path) -> None:
    store.make_new("mx", KeyType.P_256, WANTED, NOW)
    pem = store.pem("mx")
    with certificate_in_memory(pem, pem) as files:
        assert isinstance(server_context(files, verify_client=False), ssl.SSLContext)


def test_a_pair_that_tls_does_not_take_is_refused(store: CertificateStore) -> None:
    pair = sign_self(make_key(KeyType.P_256), WANTED, NOW)
    other = sign_self(make_key(KeyType.P_256), WANTED, NOW)
    with pytest.raises(CertificateRefusedError, match="is too weak"):
        check_usable(Pair(pair.key, other.certificate))
