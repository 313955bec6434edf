"""Roles beside the commands: quarantines, custom roles, several roles at once."""

import pytest

from mailwarden.core.access.custom_role import CustomRole, PolicyPrivilege, ReportPrivilege
from mailwarden.core.access.permissions import Area, Permission, Verb
from mailwarden.core.access.roles import (
    ADMIN,
    NO_RIGHTS,
    Rights,
    Role,
    find_role,
    most_restrictive,
    rights_of,
    role_name,
)

VIEW, STAGE, COMMIT, OPERATE = Verb
TRACK = Permission(Area.TRACKING, VIEW)
SEE_DLP = Permission(Area.DLP_CONTENT, VIEW)
POLICY = Area.MAIL_POLICIES


def may(rights: Rights, area: Area, verb: Verb, subject: str = "") -> bool:
    return rights.may(Permission(area, verb), subject)


@pytest.mark.parametrize("role", Role)
def test_who_tracks_messages(role: Role) -> None:
    assert rights_of("u", role).may(TRACK) is (role not in (Role.GUEST, Role.TECHNICIAN))


def test_row_g_06_guests_see_reports_but_no_settings() -> None:
    guest = rights_of("gil", Role.GUEST)
    assert may(guest, Area.REPORTS, VIEW)
    assert not may(guest, Area.NETWORK, VIEW)
    assert not guest.may(TRACK)


def test_row_g_07_help_desk_tracks_and_works_on_granted_quarantines() -> None:
    rights = Rights(role=Role.HELP_DESK, quarantines=frozenset({"Policy"}))
    assert rights.may(TRACK)
    assert may(rights, Area.QUARANTINES, OPERATE, "Policy")
    assert may(rights, Area.QUARANTINES, VIEW)
    assert not may(rights, Area.QUARANTINES, OPERATE, "Virus")
    assert not may(rights, Area.QUARANTINES, STAGE, "Policy")
    assert not may(rights, Area.STATUS, VIEW)


def test_without_a_grant_quarantines_are_shut() -> None:
    for role in (Role.GUEST, Role.HELP_DESK, Role.READ_ONLY_OPERATOR, Role.TECHNICIAN):
        assert not may(rights_of("u", role), Area.QUARANTINES, VIEW)
    grant = frozenset({"Policy"})
    assert not may(Rights(role=Role.TECHNICIAN, quarantines=grant), Area.QUARANTINES, VIEW)
    assert may(rights_of("u", Role.OPERATOR), Area.QUARANTINES, OPERATE, "Any")


def test_operators_do_not_create_quarantines() -> None:
    assert not may(rights_of("o", Role.OPERATOR), Area.QUARANTINE_SETUP, STAGE)
    assert may(rights_of("a", Role.ADMINISTRATOR), Area.QUARANTINE_SETUP, STAGE)


@pytest.mark.parametrize("role", Role)
def test_role_05_dlp_content_is_nobodys_by_default(role: Role) -> None:
    assert not rights_of(ADMIN, role).may(SEE_DLP)
    granted = Rights(role=role, sees_dlp_content=True)
    assert granted.may(SEE_DLP) is granted.may(TRACK)


def test_unassigned_users_may_nothing() -> None:
    everything = [Permission(area, verb) for area in Area for verb in Verb]
    assert not any(NO_RIGHTS.may(each) for each in everything)


SCALE = [  # privilege, then: see assigned, see other, edit assigned, edit other
    (PolicyPrivilege.NONE, (False, False, False, False)),
    (PolicyPrivilege.ASSIGNED, (True, False, True, False)),
    (PolicyPrivilege.VIEW_ALL, (True, True, True, False)),
    (PolicyPrivilege.ALL, (True, True, True, True)),
]


@pytest.mark.parametrize(("privilege", "wanted"), SCALE)
def test_role_04_policies(privilege: PolicyPrivilege, wanted: tuple[bool, ...]) -> None:
    mail = CustomRole(name="Mail", mail_policies=privilege, assigned_policies=("Mine",))
    dlp = CustomRole(name="DLP", dlp_policies=privilege, assigned_dlp_policies=("Mine",))
    for role, area in ((mail, POLICY), (dlp, Area.DLP_POLICIES)):
        rights = rights_of("cy", role)
        found = [may(rights, area, verb, s) for verb in (VIEW, STAGE) for s in ("Mine", "Other")]
        assert tuple(found) == wanted
        assert may(rights, Area.CHANGES, COMMIT) is wanted[2]
        assert not may(rights, area, OPERATE, "Mine")


def test_role_04_the_other_privileges() -> None:
    role = CustomRole(
        name="Some",
        tracking=True,
        trace=True,
        quarantines=("Policy",),
        encryption_profiles=("Secret",),
        reports=ReportPrivilege.RELEVANT,
    )
    rights = rights_of("cy", role)
    assert rights.may(TRACK)
    assert may(rights, Area.TRACE, OPERATE)
    assert may(rights, Area.QUARANTINES, OPERATE, "Policy")
    assert not may(rights, Area.QUARANTINES, OPERATE, "Virus")
    assert may(rights, Area.ENCRYPTION, STAGE, "Secret")
    assert not may(rights, Area.ENCRYPTION, OPERATE)
    assert may(rights, Area.REPORTS, VIEW, Area.QUARANTINES.value)
    assert not may(rights, Area.REPORTS, VIEW, Area.MAIL_POLICIES.value)
    assert may(rights, Area.OWN_ACCOUNT, OPERATE)
    assert not may(rights, Area.STATUS, VIEW)


def test_a_role_without_privileges_has_none() -> None:
    rights = rights_of("cy", CustomRole(name="Empty"))
    open_areas = {
        p.area for area in Area for verb in Verb if rights.may(p := Permission(area, verb))
    }
    assert open_areas == {Area.SESSION, Area.GUI, Area.OWN_ACCOUNT}


def test_what_is_assigned_without_effect() -> None:
    role = CustomRole(name="R", assigned_policies=("A",), assigned_dlp_policies=("B",))
    assert [each.path for each in role.problems()] == ["assigned_policies", "assigned_dlp_policies"]


def test_role_06_the_most_restrictive_wins() -> None:
    custom = CustomRole(name="Zeta")
    order = [
        None,
        CustomRole(name="Alpha"),
        custom,
        Role.GUEST,
        Role.HELP_DESK,
        Role.READ_ONLY_OPERATOR,
        Role.TECHNICIAN,
        Role.OPERATOR,
        Role.ADMINISTRATOR,
    ]
    for place, role in enumerate(order):
        assert most_restrictive(reversed(order[place:])) is role
    assert most_restrictive([Role.OPERATOR, Role.HELP_DESK]) is Role.HELP_DESK
    assert most_restrictive([]) is None


def test_how_roles_are_named() -> None:
    custom = {"Policies": CustomRole(name="Policies")}
    assert role_name(find_role("Policies", custom)) == "Policies*"
    assert role_name(find_role("Operator", custom)) == "Operator"
    assert role_name(find_role("Deleted", custom)) == "Unassigned"
