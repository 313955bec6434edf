"""Who gets which alerts."""

from mailwarden.services.alerts.alert import AlertClass, Severity
from mailwarden.services.alerts.settings import AlertRecipient, AlertSettings

SETTINGS = AlertSettings(
    recipients={
        "all@corp.example": AlertRecipient(),
        "desk@corp.example": AlertRecipient(
            system=(Severity.CRITICAL,), hardware=(), updater=(), outbreak_filters=(),
            anti_virus=(Severity.WARNING, Severity.INFORMATION), anti_spam=(), harvest_attacks=(),
        ),
    },
    autosupport_address="support@partner.example",
)  # fmt: skip


def test_sys_30_recipients_by_class_and_severity() -> None:
    for about in AlertClass:
        for severity in Severity:
            desk = (about, severity) in (
                (AlertClass.SYSTEM, Severity.CRITICAL),
                (AlertClass.ANTI_VIRUS, Severity.WARNING),
                (AlertClass.ANTI_VIRUS, Severity.INFORMATION),
            )
            assert SETTINGS.addresses_for(severity, about) == (
                "all@corp.example",
                *(("desk@corp.example",) if desk else ()),
                "support@partner.example",  # SYS-34: a copy of all
            )


def test_nobody_by_default() -> None:
    assert AlertSettings().addresses_for(Severity.CRITICAL, AlertClass.SYSTEM) == ()
    assert AlertSettings().all_addresses == ()


def test_support_that_is_a_recipient_gets_one_copy() -> None:
    settings = AlertSettings(
        recipients={"a@corp.example": AlertRecipient()}, autosupport_address="a@corp.example"
    )
    assert settings.addresses_for(Severity.WARNING, AlertClass.SYSTEM) == ("a@corp.example",)
    assert settings.all_addresses == ("a@corp.example",)


def test_waits_have_to_agree() -> None:
    assert list(AlertSettings().problems()) == []
    settings = AlertSettings(initial_wait_seconds=61, max_wait_seconds=60)
    assert [problem.path for problem in settings.problems()] == ["max_wait_seconds"]
