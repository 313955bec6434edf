"""Where updates may come from."""

import pytest

from mailwarden.core.setting import Checked
from mailwarden.services.updates.schedule import seconds_until_next
from mailwarden.services.updates.settings import (
    Scheme,
    Source,
    UpdateProxy,
    UpdateServer,
    UpdateSettings,
    parse_login,
    parse_proxy,
    parse_source,
)

SOURCES = [
    ("http://up.example", Source(Scheme.HTTP, "up.example", 80, "/")),
    ("http://up.example:8080/a", Source(Scheme.HTTP, "up.example", 8080, "/a/")),
    ("https://[2001:db8::1]/a/", Source(Scheme.HTTPS, "2001:db8::1", 443, "/a/")),
    ("file:///media/my%20disk", Source(Scheme.FILE, "", 0, "/media/my disk/")),
]


@pytest.mark.parametrize(("url", "source"), SOURCES)
def test_where_updates_come_from(url: str, source: Source) -> None:
    assert parse_source(url) == source


@pytest.mark.parametrize(
    "url",
    [
        "", "up.example", "ftp://up.example/", "http:///a", "http://u:p@up.example/",
        "http://up.example/?a", "http://up.example/#a", "http://up.example:0/", "file://media/a",
        "file:media", "file:///a%00b", "http://up.example/a b", "http://up.example/\r\nX: y",
        "http://[::1/", "http://up.example/ä", "http://a/" + "b" * 1000,
    ],
)  # fmt: skip
def test_where_they_cannot_come_from(url: str) -> None:
    with pytest.raises(ValueError):
        parse_source(url)


def test_how_a_source_is_shown() -> None:
    assert parse_source("https://[::1]:8443/a").shown == "https://[::1]:8443/a/"
    assert parse_source("http://up.example").shown == "http://up.example/"
    assert parse_source("file:///media").shown == "/media/"


@pytest.mark.parametrize("text", ["a\r\nb", "x" * 201])
def test_a_login_that_http_cannot_carry(text: str) -> None:
    with pytest.raises(ValueError):
        parse_login(text)


def test_a_proxy_has_a_port() -> None:
    assert parse_proxy(" proxy.example ") == "proxy.example"
    place = UpdateProxy(host="proxy.example").place
    assert place is not None
    assert (place.host, place.port) == ("proxy.example", 3128)
    assert UpdateProxy().place is None


URL = "http://up.example/"
WRONG: list[tuple[Checked, list[str]]] = [
    (UpdateServer(url=URL, user="a:b"), ["user"]),
    (UpdateServer(url=URL, password="x"), ["password"]),
    (UpdateServer(url="file:///a", user="x"), ["user"]),
    (UpdateProxy(host="p", user="a:b"), ["user"]),
    (UpdateProxy(host="p", password="x"), ["password"]),
    (UpdateSettings(manifest_server=UpdateServer(url=URL)), ["key_file"]),
    (UpdateSettings(image_server=UpdateServer(url=URL)), ["manifest_server.url"]),
    (UpdateSettings(), []),
]


@pytest.mark.parametrize(("settings", "paths"), WRONG)
def test_what_is_wrong_is_said(settings: Checked, paths: list[str]) -> None:
    assert [problem.path for problem in settings.problems()] == paths


def test_images_are_beside_the_list_unless_they_have_a_server() -> None:
    one, other = UpdateServer(url=URL), UpdateServer(url="http://images.example/")
    assert UpdateSettings(manifest_server=one).images is one
    assert UpdateSettings(manifest_server=one, image_server=other).images is other


def test_upd_04_waits_grow_up_to_the_interval() -> None:
    def minutes(interval: float) -> list[float]:
        return [seconds_until_next(n, interval * 60) / 60 for n in range(8)]

    assert minutes(5) == [5, 1, 2, 5, 10, 15, 15, 15]
    assert minutes(60) == [60, 1, 2, 5, 10, 15, 60, 60]
    assert minutes(1) == [1, 1, 2, 5, 10, 15, 15, 15]
