"""The supervisor's log: what a reload does to its files."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.app.state_directory import StateDirectory
from mailwarden.app.supervisor_log import SupervisorLog
from mailwarden.core.alerts import NoAlerts, RecordedAlerts
from mailwarden.system.log.settings import Level, LogSettings


@pytest.fixture
async def log(tmp_path: Path):
    log = SupervisorLog(
        LogSettings(), StateDirectory(tmp_path, tmp_path), "gw1.corp.example", NoAlerts()
    )
    log.open(None, lambda: None)
    yield log
    log.close()


def begins(path: Path) -> int:
    return path.read_text().count("Begin Logfile")


@pytest.mark.parametrize(
    "settings",
    [
        LogSettings(),
        LogSettings(level=Level.DEBUG, keep_files=3, headers=("X-SBRS",), directory="/elsewhere"),
    ],
)
async def test_a_reload_begins_no_file_that_is_begun(
    log: SupervisorLog, tmp_path: Path, settings: LogSettings
) -> None:
    log.apply(settings, "gw2.corp.example")
    log.apply(replace(settings, json=True), "gw2.corp.example")
    assert begins(tmp_path / "mail.log") == 1
    assert begins(tmp_path / "bounces.log") == 1
    assert (tmp_path / "mail.json").read_text().count("begin_logfile") == 1


async def test_a_log_that_cannot_be_had_changes_nothing(log: SupervisorLog, tmp_path: Path) -> None:
    (tmp_path / "mail.json").mkdir()
    with pytest.raises(IsADirectoryError):
        log.apply(LogSettings(json=True), "gw1.corp.example")
    log.warning("still here")
    log.close()
    assert "Warning: still here" in (tmp_path / "mail.log").read_text()


async def test_a_log_that_cannot_be_opened_anew_is_an_alert(tmp_path: Path) -> None:
    alerts = RecordedAlerts()
    log = SupervisorLog(LogSettings(), StateDirectory(tmp_path, tmp_path), "gw1", alerts)
    log.open(None, lambda: None)
    (tmp_path / "mail.log").unlink()
    (tmp_path / "mail.log").mkdir()
    log._reopen()
    log.close()
    assert [alert[:2] for alert in alerts.told] == [("Critical", "Hardware")]
    assert alerts.told[0].key == "log mail.log"
    assert alerts.told[0].text == "mail.log cannot be opened anew (Is a directory)"
