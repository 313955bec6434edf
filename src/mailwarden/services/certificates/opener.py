"""Opens files of certificates in a process with limits: of time, of memory, without a terminal."""

import json
import resource
import subprocess
import sys
from base64 import b64decode, b64encode
from enum import Enum
from typing import Final

from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.opening import (
    CONTENT_BYTES_MAX,
    Material,
    open_pem,
    open_pkcs12,
)

CPU_SECONDS_MAX: Final = 10
WAIT_SECONDS_MAX: Final = 60.0  # the machine may have other work
MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024
PASSWORD_LENGTH_MAX: Final = 1000


class Form(Enum):
    """What kind of file it is."""

    PEM = "pem"
    PKCS12 = "pkcs12"


def open_material(form: Form, content: bytes, password: str = "") -> Material:
    """Return certificates and keys in `content`; takes a second at most for honest files.

    Raises:
        CertificateRefusedError: as `open_pem` and `open_pkcs12`, or it asks for too much work.
    """
    if len(content) > CONTENT_BYTES_MAX:  # lest it is carried over
        raise CertificateRefusedError(f"it is larger than {CONTENT_BYTES_MAX} bytes")
    if len(password) > PASSWORD_LENGTH_MAX:
        raise CertificateRefusedError(f"a password has at most {PASSWORD_LENGTH_MAX} letters")
    asked = {
        "form": form.value,
        "content": b64encode(content).decode("ascii"),
        "password": password,
        "cpu_seconds": CPU_SECONDS_MAX,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mailwarden.services.certificates.opener"],
            input=json.dumps(asked).encode("ascii"),
            capture_output=True,
            timeout=WAIT_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CertificateRefusedError("it takes too long to open") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise CertificateRefusedError("it takes too long to open, or is malformed") from None
    if "refused" in answer:
        raise CertificateRefusedError(answer["refused"])
    certificates, keys = (
        tuple(text.encode("ascii") for text in answer[name]) for name in ("certificates", "keys")
    )
    return Material(certificates, keys)


def _limit(cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the key


def _main() -> None:
    asked = json.loads(sys.stdin.buffer.read())
    _limit(asked["cpu_seconds"])
    content, password = b64decode(asked["content"]), asked["password"]
    try:
        opened = (open_pkcs12 if asked["form"] == "pkcs12" else open_pem)(content, password)
    except CertificateRefusedError as error:
        answer: dict[str, object] = {"refused": str(error)}
    else:
        answer = {
            "certificates": [each.decode("ascii") for each in opened.certificates],
            "keys": [each.decode("ascii") for each in opened.keys],
        }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
