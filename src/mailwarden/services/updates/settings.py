"""What the administrator sets of updates (admin 8.1, UPD-03)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from mailwarden.core.hostport import HostPort, parse_hostport
from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting

INTERVAL_SECONDS_DEFAULT: Final = 300.0
URL_LENGTH_MAX: Final = 1000
NAME_LENGTH_MAX: Final = 200  # of users and passwords
PROXY_PORT: Final = 3128


class Scheme(Enum):
    """How files are fetched."""

    HTTP = "http"
    HTTPS = "https"
    FILE = "file"

    @property
    def port(self) -> int:
        """The port where none is named."""
        return 443 if self is Scheme.HTTPS else 80


class Source(NamedTuple):
    """A folder that files are fetched from."""

    scheme: Scheme
    host: str  # "" for a local folder
    port: int
    path: str  # ends with `/`; of a server as in the URL, of a local folder as it is called

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        if self.scheme is Scheme.FILE:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == self.scheme.port else f":{self.port}"
        return f"{self.scheme.value}://{host}{port}{self.path}"


def parse_url(text: str) -> str:
    """Return the URL of a folder, `http://host/updates/` or `file:///media/updates/`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    parse_source(text)
    return text.strip()


def parse_source(text: str) -> Source:
    """Return what a URL means.

    Raises:
        ValueError: it is none that updates can come from.
    """
    url = text.strip()
    if len(url) > URL_LENGTH_MAX or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(f"a URL has at most {URL_LENGTH_MAX} letters, all ASCII, and no blanks")
    parts = urlsplit(url)
    try:
        scheme = Scheme(parts.scheme)
    except ValueError:
        raise ValueError("a URL begins with http://, https:// or file:///") from None
    if parts.query or parts.fragment:
        raise ValueError("the URL of a folder has neither ? nor #")
    if "@" in parts.netloc:
        raise ValueError("user and password have settings of their own")
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    if scheme is Scheme.FILE:
        if parts.netloc or not path.startswith("/"):
            raise ValueError("a local folder is written with three strokes, file:///media/updates")
        folder = unquote(path)
        if "\0" in folder:
            raise ValueError("a folder's name has no zero byte")
        return Source(scheme, "", 0, folder)
    host = parse_hostport(parts.netloc, default_port=scheme.port)
    return Source(scheme, host.host, host.port, path)


def parse_proxy(text: str) -> str:
    """Return a proxy, `host` or `host:port`.

    Raises:
        ValueError: it is none.
    """
    parse_hostport(text, default_port=PROXY_PORT)
    return text.strip()


def parse_login(text: str) -> str:
    """Return a user or a password as HTTP can carry it (RFC 7617, 2).

    Raises:
        ValueError: it is too long or has controls.
    """
    if len(text) > NAME_LENGTH_MAX or not text.isprintable():
        raise ValueError(f"has at most {NAME_LENGTH_MAX} letters and no controls")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateServer:
    """A folder that updates come from."""

    url: str = setting(
        "",
        "Folder on a web server, or a local one; port 80 or 443 unless the URL names one.",
        examples=("https://updates.corp.example/mailwarden/", "file:///media/updates/"),
        parse=parse_url,
    )
    user: str = setting("", "User, where the server asks for one.", parse=parse_login)
    password: str = setting("", "Password of the user.", parse=parse_login, secret=True)

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if ":" in self.user:
            yield Problem("user", "cannot have a colon in it (RFC 7617, 2)")
        if self.password and not self.user:
            yield Problem("password", "needs a `user`")
        if self.user and self.url and parse_source(self.url).scheme is Scheme.FILE:
            yield Problem("user", "says nothing for a local folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProxy:
    """A proxy that connections go through."""

    host: str = setting(
        "",
        f"The proxy as `host` or `host:port`; port {PROXY_PORT} unless it is named; empty is none.",
        examples=("proxy.corp.example:8080",),
        parse=parse_proxy,
    )
    user: str = setting("", "User, where the proxy asks for one.", parse=parse_login)
    password: str = setting("", "Password of the user.", parse=parse_login, secret=True)

    @property
    def place(self) -> HostPort | None:
        """Where it is; None is that there is none."""
        return parse_hostport(self.host, default_port=PROXY_PORT) if self.host else None

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if ":" in self.user:
            yield Problem("user", "cannot have a colon in it (RFC 7617, 2)")
        if self.password and not self.user:
            yield Problem("password", "needs a `user`")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSettings:
    """Where updates of engines and rules come from, and when."""

    automatic: bool = setting(True, "Look for updates every `interval_seconds`.")
    interval_seconds: float = setting(
        INTERVAL_SECONDS_DEFAULT,
        "How often to look.",
        minimum=60,
        maximum=86_400,
        unit=Unit.SECONDS,
    )
    manifest_server: UpdateServer = setting(
        UpdateServer, "Where the list of updates is. Without a URL there are no updates."
    )
    image_server: UpdateServer = setting(
        UpdateServer, "Where the files themselves are; without a URL beside the list."
    )
    key_file: str = setting(
        "", "PEM file with the public key (Ed25519) that the list is signed with.", is_path=True
    )
    ca_file: str = setting(
        "",
        "PEM file of the authorities that vouch for https servers; empty is those of the system.",
        is_path=True,
    )
    http_proxy: UpdateProxy = setting(UpdateProxy, "Proxy for http servers.")
    https_proxy: UpdateProxy = setting(UpdateProxy, "Proxy for https servers.")
    interface: str = setting(
        "",
        "Interface that connections leave from; empty lets the system choose.",
        refers_to=("interfaces",),
    )
    file_timeout_seconds: float = setting(
        300.0,
        "How long a file may take, connecting included.",
        minimum=1,
        maximum=86_400,
        unit=Unit.SECONDS,
    )
    silence_timeout_seconds: float = setting(
        30.0,
        "How long a server may send nothing.",
        minimum=1,
        maximum=3600,
        unit=Unit.SECONDS,
    )
    file_size_max_bytes: int = setting(
        256 * 1024 * 1024,
        "Larger files are not fetched.",
        minimum=1024,
        maximum=16 * 1024 * 1024 * 1024,
        unit=Unit.BYTES,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if self.manifest_server.url and not self.key_file:
            yield Problem("key_file", "is needed: what nobody signed is never taken")
        if self.image_server.url and not self.manifest_server.url:
            yield Problem("manifest_server.url", "is needed beside that of `image_server`")

    @property
    def is_on(self) -> bool:
        """Whether there is a server to ask."""
        return bool(self.manifest_server.url)

    @property
    def images(self) -> UpdateServer:
        """Where the files are."""
        return self.image_server if self.image_server.url else self.manifest_server
