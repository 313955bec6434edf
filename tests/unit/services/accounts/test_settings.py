"""Settings of users and access can stand in a configuration file, and be documented from it."""

import pytest

from mailwarden.control.config.shape import fields_of
from mailwarden.core.access.access_list import NetworkAccess
from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.users import User
from mailwarden.services.accounts.settings import ExternalSettings, RadiusServer

CLASSES = [PasswordPolicy, NetworkAccess, CustomRole, User, ExternalSettings, RadiusServer]


@pytest.mark.parametrize("section", CLASSES)
def test_every_setting_is_declared(section: type) -> None:
    fields = fields_of(section)
    assert fields
    for field in fields.values():
        assert field.setting.doc.endswith(".")
        assert field.required or field.default() is not None


def test_secrets_are_marked() -> None:
    assert [name for name, field in fields_of(RadiusServer).items() if field.setting.secret] == [
        "secret"
    ]
