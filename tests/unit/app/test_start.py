"""What `mailwarden run` says when it runs."""

from pathlib import Path

import pytest

from mailwarden.app.start import _shown


@pytest.mark.parametrize(
    ("here", "path", "shown"),
    [
        ("/", "/etc/mailwarden/mailwarden.yaml", "/etc/mailwarden/mailwarden.yaml"),
        ("/", "etc/mailwarden/mailwarden.yaml", "/etc/mailwarden/mailwarden.yaml"),
        ("/usr", "/usr/local/mailwarden.yaml", "local/mailwarden.yaml"),
        ("/usr", "/etc/mailwarden.yaml", "/etc/mailwarden.yaml"),
    ],
)
def test_paths_are_short_but_lead_there(
    monkeypatch: pytest.MonkeyPatch, here: str, path: str, shown: str
) -> None:
    monkeypatch.chdir(here)
    assert _shown(Path(path)) == shown
