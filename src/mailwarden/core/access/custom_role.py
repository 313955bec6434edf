"""Custom user roles: sets of privileges, some of them for assigned objects only (ROLE-04)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from mailwarden.core.access.permissions import Area, Permission, Verb
from mailwarden.core.patterns import parse_name
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, setting


class PolicyPrivilege(Enum):
    """How far a role reaches among policies: what it may see, and what it may edit."""

    NONE = "none"
    ASSIGNED = "view assigned, edit assigned"
    VIEW_ALL = "view all, edit assigned"
    ALL = "view all, edit all"

    def grants(self, verb: Verb, *, is_assigned: bool) -> bool:
        """Tell whether a policy may be seen (VIEW) or edited (STAGE)."""
        if self is PolicyPrivilege.NONE or verb not in (Verb.VIEW, Verb.STAGE):
            return False
        sees_all = self is not PolicyPrivilege.ASSIGNED
        return is_assigned or (sees_all if verb is Verb.VIEW else self is PolicyPrivilege.ALL)


class ReportPrivilege(Enum):
    """Which reports a role sees."""

    NONE = "none"
    RELEVANT = "relevant"  # those about what else the role may see
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRole:
    """A role that an administrator made, for the web interface only."""

    name: str = setting(REQUIRED, "Name of the role.", parse=parse_name)
    mail_policies: PolicyPrivilege = setting(
        PolicyPrivilege.NONE, "Which mail policies and content filters it sees and edits."
    )
    assigned_policies: tuple[str, ...] = setting(
        (), "Mail policies and content filters that are assigned to it."
    )
    dlp_policies: PolicyPrivilege = setting(
        PolicyPrivilege.NONE, "Which DLP policies it sees and edits."
    )
    assigned_dlp_policies: tuple[str, ...] = setting((), "DLP policies that are assigned to it.")
    reports: ReportPrivilege = setting(ReportPrivilege.NONE, "Which reports it sees.")
    tracking: bool = setting(False, "Whether it may track messages.")
    trace: bool = setting(False, "Whether it may trace made-up messages.")
    quarantines: tuple[str, ...] = setting((), "Quarantines whose messages it works on.")
    encryption_profiles: tuple[str, ...] = setting((), "Encryption profiles that it may edit.")

    def problems(self) -> Iterator[Problem]:
        """Yield what would be assigned without effect."""
        if self.assigned_policies and self.mail_policies is PolicyPrivilege.NONE:
            yield Problem("assigned_policies", "need a privilege in mail_policies")
        if self.assigned_dlp_policies and self.dlp_policies is PolicyPrivilege.NONE:
            yield Problem("assigned_dlp_policies", "need a privilege in dlp_policies")

    def grants(self, permission: Permission, subject: str) -> bool:
        """Tell whether the role has it; see `Rights.may` for `subject`."""
        area, verb = permission
        match area:
            case Area.MAIL_POLICIES:
                assigned = _is_among(subject, self.assigned_policies)
                return self.mail_policies.grants(verb, is_assigned=assigned)
            case Area.DLP_POLICIES:
                assigned = _is_among(subject, self.assigned_dlp_policies)
                return self.dlp_policies.grants(verb, is_assigned=assigned)
            case Area.ENCRYPTION:
                return verb in (Verb.VIEW, Verb.STAGE) and _is_among(
                    subject, self.encryption_profiles
                )
            case Area.QUARANTINES:
                return verb in (Verb.VIEW, Verb.OPERATE) and _is_among(subject, self.quarantines)
            case Area.CHANGES:
                # Its pending changes hold nothing but what it was allowed to stage.
                return verb in (Verb.VIEW, Verb.STAGE, Verb.COMMIT) and self.edits
            case Area.REPORTS:
                return verb is Verb.VIEW and self._sees_report(subject)
            case Area.TRACKING:
                return verb is Verb.VIEW and self.tracking
            case Area.TRACE:
                return verb is Verb.OPERATE and self.trace
            case _:
                return False

    @property
    def edits(self) -> bool:
        """Whether there is anything that the role could stage."""
        policies = (
            (self.mail_policies, self.assigned_policies),
            (
                self.dlp_policies,
                self.assigned_dlp_policies,
            ),
        )
        return bool(self.encryption_profiles) or any(
            privilege is PolicyPrivilege.ALL
            or (privilege is not PolicyPrivilege.NONE and bool(assigned))
            for privilege, assigned in policies
        )

    def _sees_report(self, subject: str) -> bool:
        if self.reports is not ReportPrivilege.RELEVANT:
            return self.reports is ReportPrivilege.ALL
        # The area that a report is about is its subject.
        sees = {
            Area.MAIL_POLICIES.value: self.mail_policies is not PolicyPrivilege.NONE,
            Area.DLP_POLICIES.value: self.dlp_policies is not PolicyPrivilege.NONE,
            Area.QUARANTINES.value: bool(self.quarantines),
            Area.ENCRYPTION.value: bool(self.encryption_profiles),
        }
        return sees.get(subject, False) if subject else any(sees.values())


def _is_among(subject: str, assigned: tuple[str, ...]) -> bool:
    return subject in assigned if subject else bool(assigned)
