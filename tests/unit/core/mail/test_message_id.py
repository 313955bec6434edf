"""Message-IDs that the gateway gives."""

from mailwarden.core.mail.message_id import build_message_id


def test_form() -> None:
    expected = "<4cd91f26.7001@gw1.corp.example>"
    assert build_message_id(7001, 1_289_297_702.9, "gw1.corp.example") == expected


def test_each_mid_has_its_own() -> None:
    ids = {build_message_id(mid, time, "gw") for mid in range(9) for time in range(9)}
    assert len(ids) == 81


def test_any_host_name_gives_one_word() -> None:
    assert build_message_id(1, 0, "a> \r\nb") == "<0.1@a----b>"
    assert build_message_id(1, 0, "") == "<0.1@localhost>"
    assert len(build_message_id(1, 0, "a" * 1_000)) < 300
