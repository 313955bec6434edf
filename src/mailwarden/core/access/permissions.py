"""What can be permitted: an area of the gateway, and what is done there; and to whom at least.

One table, `LOWEST`, says for each permission which of the built-in roles that follow one another
has it first: Guest, Read-Only Operator, Operator, Administrator, the user `admin`. Help Desk User
and Technician stand beside them, with tables of their own in `roles.py`. What is in no table is
denied.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple


class Verb(Enum):
    """What somebody does in an area."""

    VIEW = "view"
    STAGE = "stage"  # change settings, to take effect with a commit
    COMMIT = "commit"
    OPERATE = "operate"  # do something that takes effect at once


class Area(Enum):
    """What a permission is about. The order is that of the commands in the manual."""

    # Sessions and the life of the configuration
    SESSION = "session"  # help, who, version, leaving
    CLI = "command line"  # getting one at all
    GUI = "web interface"
    OWN_ACCOUNT = "own account"
    CHANGES = "pending changes"
    CONFIGURATION = "configuration file"  # as a whole
    FACTORY_DEFAULTS = "factory defaults"
    SETUP_WIZARD = "setup wizard"
    CLUSTER = "cluster"
    CLUSTER_MODE = "cluster mode"
    CLUSTER_SETTINGS = "cluster settings"
    # Users, access, certificates, cryptography
    USERS = "users"
    OTHER_PASSWORDS = "other users' passwords"  # by passwd with a name
    ADMIN_ACCESS = "administrative access"
    SSH_KEYS = "SSH keys"
    TLS_SETTINGS = "TLS settings"
    CERTIFICATES = "certificates"
    FIPS = "FIPS management"  # the FIPS Officer is asked for besides
    FEATURE_KEYS = "feature keys"
    # Network and system
    NETWORK = "network"
    DNS = "DNS"
    DNS_LISTS = "DNS lists"
    TIME = "time"
    ALERTS = "alerts"
    RETURN_ADDRESSES = "return addresses"
    SNMP = "SNMP"
    LOCALE = "locale"
    LOGS = "log subscriptions"
    LOG_FILES = "log files"
    UPDATES = "updates"
    UPGRADE = "upgrade"
    MAIL_FLOW = "mail flow"  # suspending and resuming it
    SHUTDOWN = "shutdown"
    REBOOT = "reboot"
    DIAGNOSTICS = "diagnostics"
    LOOKUPS = "lookups"  # asking the network, changing nothing
    REMOTE_SUPPORT = "remote support"
    MONITORING = "reporting and tracking settings"
    # Receiving, policies, delivery
    LISTENERS = "listeners"
    CALL_AHEAD = "call-ahead"
    RELAYS = "incoming relays"
    SMTP_AUTH = "SMTP authentication"
    LDAP = "LDAP"
    MAIL_POLICIES = "mail policies"
    FILTERS = "message filters"
    DICTIONARIES = "dictionaries"
    SCANNING = "scanning"
    ENGINES = "engines"
    DLP_POLICIES = "DLP policies"
    REPUTATION = "reputation"
    ENCRYPTION = "encryption"
    SIGNING = "signing"
    QUARANTINE_SETUP = "quarantine setup"
    SAFE_BLOCK_LISTS = "safe and block lists"
    ADDRESS_TABLES = "address tables"
    DELIVERY = "delivery"
    # What happens, and mail
    STATUS = "status"
    COUNTERS = "counters"
    REPORTS = "reports"
    TRACKING = "message tracking"
    DLP_CONTENT = "matched DLP content"
    QUARANTINES = "quarantined mail"
    WORK_QUEUE = "work queue"
    QUEUE = "queued mail"
    QUEUE_RESET = "queue reset"
    TRACE = "trace"


class Permission(NamedTuple):
    """The right to do something in an area."""

    area: Area
    verb: Verb

    def __str__(self) -> str:
        """Return the permission as the log names it."""
        return f"{self.verb.value} {self.area.value}"


class Level(Enum):
    """The built-in roles of which each has all that the ones before have."""

    GUEST = 1
    READ_ONLY = 2
    OPERATOR = 3
    ADMINISTRATOR = 4
    ADMIN_USER = 5
    NOBODY = 6  # none of them: only who is granted it by name


_G, _RO, _OP, _AD, _ADMIN, _NOBODY = tuple(Level)
_Row = Mapping[Verb, Level]

# A Read-Only Operator sees all settings, and may stage changes that only others commit (3.1).
_SETTINGS: Final[_Row] = {Verb.VIEW: _RO, Verb.STAGE: _RO}
_SETTINGS_AND_MORE: Final[_Row] = {**_SETTINGS, Verb.OPERATE: _OP}
_GUARDED: Final[_Row] = {Verb.VIEW: _RO, Verb.STAGE: _AD, Verb.OPERATE: _AD}
_SEEN_BY_ALL: Final[_Row] = {Verb.VIEW: _G}
_SEEN_BY_OPERATORS: Final[_Row] = {Verb.VIEW: _OP, Verb.OPERATE: _OP}


def _operate(level: Level) -> _Row:
    return {Verb.OPERATE: level}


_TABLE: Final[Mapping[Area, _Row]] = {
    Area.SESSION: {Verb.VIEW: _G, Verb.OPERATE: _G},
    Area.CLI: _operate(_G),
    Area.GUI: _operate(_G),
    Area.OWN_ACCOUNT: {Verb.VIEW: _G, Verb.OPERATE: _G},
    Area.CHANGES: {Verb.VIEW: _RO, Verb.STAGE: _RO, Verb.COMMIT: _OP},
    # Saved and loaded as files: a Read-Only Operator has no part in the file system.
    Area.CONFIGURATION: {Verb.VIEW: _RO, Verb.STAGE: _OP, Verb.OPERATE: _OP},
    Area.FACTORY_DEFAULTS: _operate(_ADMIN),
    Area.SETUP_WIZARD: _operate(_AD),
    Area.CLUSTER: {Verb.VIEW: _RO, Verb.OPERATE: _AD},
    Area.CLUSTER_MODE: {Verb.VIEW: _RO},
    Area.CLUSTER_SETTINGS: _SETTINGS,
    Area.USERS: _GUARDED,
    Area.OTHER_PASSWORDS: _operate(_ADMIN),
    Area.ADMIN_ACCESS: _GUARDED,
    Area.SSH_KEYS: _GUARDED,
    Area.TLS_SETTINGS: _SETTINGS,
    Area.CERTIFICATES: _SETTINGS,
    Area.FIPS: _GUARDED,
    Area.FEATURE_KEYS: _GUARDED,
    Area.NETWORK: _SETTINGS,
    Area.DNS: _SETTINGS_AND_MORE,
    Area.DNS_LISTS: _SETTINGS_AND_MORE,
    Area.TIME: _SETTINGS_AND_MORE,
    Area.ALERTS: _SETTINGS,
    Area.RETURN_ADDRESSES: _SETTINGS,
    Area.SNMP: _SETTINGS,
    Area.LOCALE: _SETTINGS,
    Area.LOGS: _SETTINGS_AND_MORE,
    Area.LOG_FILES: _SEEN_BY_OPERATORS,
    Area.UPDATES: _SETTINGS_AND_MORE,
    Area.UPGRADE: _operate(_ADMIN),
    Area.MAIL_FLOW: _operate(_OP),
    Area.SHUTDOWN: _operate(_OP),
    Area.REBOOT: _operate(_OP),
    Area.DIAGNOSTICS: _operate(_OP),
    Area.LOOKUPS: _operate(_RO),
    Area.REMOTE_SUPPORT: _operate(_AD),
    Area.MONITORING: _SETTINGS,
    Area.LISTENERS: _SETTINGS,
    Area.CALL_AHEAD: _SETTINGS_AND_MORE,
    Area.RELAYS: _SETTINGS,
    Area.SMTP_AUTH: _SETTINGS,
    Area.LDAP: _SETTINGS_AND_MORE,
    Area.MAIL_POLICIES: _SETTINGS,
    Area.FILTERS: _SETTINGS,
    Area.DICTIONARIES: _SETTINGS,
    Area.SCANNING: _SETTINGS,
    Area.ENGINES: _SETTINGS_AND_MORE,
    Area.DLP_POLICIES: _SETTINGS,
    Area.REPUTATION: _SETTINGS,
    Area.ENCRYPTION: _SETTINGS_AND_MORE,
    Area.SIGNING: _SETTINGS,
    Area.QUARANTINE_SETUP: {Verb.VIEW: _RO, Verb.STAGE: _AD},
    Area.SAFE_BLOCK_LISTS: _operate(_OP),
    Area.ADDRESS_TABLES: _SETTINGS,
    Area.DELIVERY: _SETTINGS,
    Area.STATUS: _SEEN_BY_ALL,
    Area.COUNTERS: _operate(_OP),
    Area.REPORTS: _SEEN_BY_ALL,
    Area.TRACKING: {Verb.VIEW: _RO},
    Area.DLP_CONTENT: {Verb.VIEW: _NOBODY},  # ROLE-05: by a setting, to no role by default
    Area.QUARANTINES: _SEEN_BY_OPERATORS,  # others need the quarantine to be granted
    Area.WORK_QUEUE: {Verb.VIEW: _G, Verb.OPERATE: _OP},
    Area.QUEUE: _SEEN_BY_OPERATORS,
    Area.QUEUE_RESET: _operate(_ADMIN),
    Area.TRACE: _operate(_OP),
}

LOWEST: Final[Mapping[Permission, Level]] = MappingProxyType(
    {Permission(area, verb): level for area, row in _TABLE.items() for verb, level in row.items()}
)


def permissions_from(level: Level) -> Iterator[Permission]:
    """Yield what a role at `level` may do."""
    return (each for each, lowest in LOWEST.items() if lowest.value <= level.value)
