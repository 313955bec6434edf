"""The logs of one process, as the settings want them."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.logs import Logs, rotated_logs
from mailwarden.system.log.settings import Level, LogSettings
from mailwarden.system.log.syslog import SyslogSink


def no_timer(delay: float, callback: Callable[[], None]) -> None:
    """Nothing is written before a flush."""


def open_logs(settings: LogSettings, folder: Path) -> Logs:
    return Logs(
        settings,
        folder,
        host="gw1",
        clock=SimulatedClock(),
        later=no_timer,
        alert=pytest.fail,
    )


def test_files_by_settings(tmp_path: Path) -> None:
    assert [log.path.name for log in rotated_logs(LogSettings(), tmp_path)] == [
        "mail.log",
        "bounces.log",
    ]
    settings = LogSettings(text=False, json=True, bounces=False)
    logs = open_logs(settings, tmp_path)
    logs.mail.start_mid(1, 2)
    logs.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mail.json"]
    assert json.loads((tmp_path / "mail.json").read_text())["mid"] == 1
    assert logs.lost == 0


def test_new_settings_apply_at_once(tmp_path: Path) -> None:
    logs = open_logs(LogSettings(), tmp_path)
    log = logs.mail
    log.start_mid(1, 2)
    logs.apply(LogSettings(level=Level.WARNING, json=True), tmp_path)
    log.start_mid(3, 4)
    log.warning("only this")
    logs.apply(LogSettings(bounces=False), tmp_path)
    log.start_mid(5, 6)
    logs.flush()
    assert [line[25:] for line in (tmp_path / "mail.log").read_text().splitlines()] == [
        "Info: Start MID 1 ICID 2",
        "Warning: only this",
        "Info: Start MID 5 ICID 6",
    ]
    logs.close()


def test_settings_that_cannot_be_had_change_nothing(tmp_path: Path) -> None:
    logs = open_logs(LogSettings(), tmp_path)
    (tmp_path / "mail.json").mkdir()
    with pytest.raises(IsADirectoryError):
        logs.apply(LogSettings(json=True), tmp_path)
    logs.mail.start_mid(1, 2)
    logs.close()
    assert (tmp_path / "mail.log").read_text().endswith("Start MID 1 ICID 2\n")


def test_reopen(tmp_path: Path) -> None:
    logs = open_logs(LogSettings(), tmp_path)
    (tmp_path / "mail.log").rename(tmp_path / "old")
    logs.reopen()
    logs.mail.start_mid(1, 2)
    logs.close()
    assert (tmp_path / "old").read_text() == ""
    assert (tmp_path / "mail.log").read_text().endswith("Start MID 1 ICID 2\n")


def test_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log.socket"))
        settings = LogSettings(syslog=str(tmp_path / "log.socket"), text=False, bounces=False)
        logs = open_logs(settings, tmp_path)
        logs.mail.start_mid(7001, 501)
        logs.mail.critical("disk is full")
        received = [daemon.recv(1000).decode() for _ in range(2)]
        logs.close()
    stamp = received[0][4:19]
    assert received == [
        f"<22>{stamp} gw1 mail_logs: Info: Start MID 7001 ICID 501",
        f"<18>{stamp} gw1 mail_logs: Critical: disk is full",
    ]


def test_syslog_beside_the_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log.socket"))
        logs = open_logs(LogSettings(syslog=str(tmp_path / "log.socket")), tmp_path)
        logs.mail.start_mid(7001, 501)
        assert daemon.recv(1000).endswith(b"Start MID 7001 ICID 501")
        logs.close()
    assert (tmp_path / "mail.log").read_text().endswith("Start MID 7001 ICID 501\n")


def test_syslog_daemon_that_is_away_or_full_costs_lines(tmp_path: Path) -> None:
    sink = SyslogSink(str(tmp_path / "log.socket"), "gw1")
    sink.write("Tue Nov  9 10:15:02 2010 Info: nobody there")
    assert sink.lost == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log.socket"))
        for _ in range(10_000):
            sink.write("Tue Nov  9 10:15:02 2010 Info: it does not read")
    assert 1 < sink.lost <= 10_000
    sink.close()


def test_other_settings_forget_neither_lost_lines_nor_a_new_name(tmp_path: Path) -> None:
    settings = LogSettings(syslog=str(tmp_path / "log.socket"), text=False, bounces=False)
    logs = open_logs(settings, tmp_path)
    logs.mail.start_mid(1, 2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log.socket"))
        logs.apply(settings, tmp_path, "gw2")
        logs.mail.start_mid(3, 4)
        assert b" gw2 mail_logs: Info: Start MID 3" in daemon.recv(1000)
    assert logs.lost == 1
    logs.close()
