"""What the head of a file says, and how it is called."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from mailwarden.control.xml.origin import (
    NodeFacts,
    Origin,
    file_name,
    read_origin,
    release_of,
    write_comment,
    write_time,
)
from tests.unit.control.xml.sample import NODE, TIME


def test_what_is_written_reads_back() -> None:
    origin = read_origin(write_comment(NODE, TIME), {})
    assert origin == Origin(
        product="Mailwarden",
        model="GW-VM",
        version="0.4.0",
        serial="4711",
        time="Fri Sep 17 11:42:12 2010 GMT",
    )
    assert not origin.is_foreign


def test_attributes_count_more_than_the_comment() -> None:
    attributes = {"schema": "7.3", "model": "a", "version": "b", "serial": "c"}
    origin = read_origin(write_comment(NODE, TIME), attributes)
    assert (origin.model, origin.version, origin.serial, origin.release) == ("a", "b", "c", (7, 3))


def test_a_comment_that_says_nothing() -> None:
    assert read_origin("nothing: \n:::\n" + "x: y\n" * 10, {}) == Origin()


def test_other_products() -> None:
    assert Origin(product="IronPort").is_foreign
    assert not Origin(product="IronPort", schema="7.3").is_foreign
    assert not Origin(product="Mailwarden 2").is_foreign


def test_times_are_in_gmt() -> None:
    zone = timezone(timedelta(hours=2))
    assert write_time(datetime(2026, 1, 1, 1, 0, 0, tzinfo=zone)) == "Wed Dec 31 23:00:00 2025 GMT"
    assert write_time(datetime(2026, 1, 4, 7, 8, 9, tzinfo=zone)) == "Sun Jan  4 05:08:09 2026 GMT"


@pytest.mark.parametrize(
    ("text", "release"),
    [("7.3.0-051", (7, 3)), (" 10.12", (10, 12)), ("7", None), ("", None), ("99999.1", None)],
)
def test_releases(text: str, release: tuple[int, int] | None) -> None:
    assert release_of(text) == release


def test_xml_22_names_of_files() -> None:
    assert file_name(NODE, TIME) == "GW-VM-4711-20100917T114212.xml"
    node: NodeFacts = replace(NODE, model="../../etc/x y", serial="ü\0")
    assert file_name(node, TIME) == ".._.._etc_x_y-_-20100917T114212.xml"
