"""The permission that each command of the CLI needs (admin 1.6, column Who).

Names of several words are forms of a command that need more than the command itself.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mailwarden.core.access.permissions import LOWEST, Area, Level, Permission, Verb
from mailwarden.core.access.roles import Rights, role_name

_WORDS: Final[Mapping[Area, Mapping[Verb, str]]] = {
    Area.SESSION: {
        Verb.VIEW: "help h ? version who whoami last",
        Verb.OPERATE: "exit quit q",
    },
    Area.OWN_ACCOUNT: {Verb.OPERATE: "passwd password secondfactor"},
    Area.CHANGES: {
        Verb.VIEW: "commitdetail showchanges",
        Verb.STAGE: "clearchanges",
        Verb.COMMIT: "commit commitconfirmed confirmcommit",
    },
    Area.CONFIGURATION: {
        Verb.VIEW: "showconfig",
        Verb.STAGE: "loadconfig rollbackconfig",
        Verb.OPERATE: "saveconfig mailconfig",
    },
    Area.FACTORY_DEFAULTS: {Verb.OPERATE: "resetconfig"},
    Area.SETUP_WIZARD: {Verb.OPERATE: "systemsetup"},
    Area.CLUSTER: {Verb.OPERATE: "clusterconfig clustercheck"},
    Area.CLUSTER_MODE: {Verb.VIEW: "clustermode"},
    Area.CLUSTER_SETTINGS: {Verb.STAGE: "clusterset"},
    Area.USERS: {Verb.STAGE: "userconfig"},
    Area.ADMIN_ACCESS: {Verb.STAGE: "adminaccessconfig"},
    Area.SSH_KEYS: {Verb.STAGE: "sshconfig"},
    Area.TLS_SETTINGS: {Verb.STAGE: "sslconfig"},
    Area.CERTIFICATES: {Verb.STAGE: "certconfig"},
    Area.FIPS: {Verb.OPERATE: "fipsconfig"},
    Area.FEATURE_KEYS: {Verb.OPERATE: "featurekey", Verb.STAGE: "featurekeyconfig"},
    Area.NETWORK: {Verb.STAGE: "interfaceconfig etherconfig routeconfig setgateway sethostname"},
    Area.DNS: {Verb.STAGE: "dnsconfig", Verb.OPERATE: "dnsflush"},
    Area.DNS_LISTS: {Verb.STAGE: "dnslistconfig", Verb.OPERATE: "dnslistflush dnslisttest"},
    Area.TIME: {Verb.STAGE: "ntpconfig settz", Verb.OPERATE: "settime tzupdate"},
    Area.ALERTS: {Verb.STAGE: "alertconfig"},
    Area.RETURN_ADDRESSES: {Verb.STAGE: "addressconfig"},
    Area.SNMP: {Verb.STAGE: "snmpconfig"},
    Area.LOCALE: {Verb.STAGE: "localeconfig"},
    Area.LOGS: {Verb.STAGE: "logconfig", Verb.OPERATE: "rollovernow"},
    Area.LOG_FILES: {Verb.VIEW: "findevent grep tail"},
    Area.UPDATES: {Verb.STAGE: "updateconfig", Verb.OPERATE: "updatenow"},
    Area.UPGRADE: {Verb.OPERATE: "upgrade"},
    Area.MAIL_FLOW: {
        Verb.OPERATE: "suspend resume suspendlistener resumelistener suspenddel resumedel offline"
    },
    Area.SHUTDOWN: {Verb.OPERATE: "shutdown"},
    Area.REBOOT: {Verb.OPERATE: "reboot"},
    Area.DIAGNOSTICS: {
        Verb.OPERATE: "diagnostic netstat traceroute telnet packetcapture supportrequest tlsverify"
    },
    Area.LOOKUPS: {Verb.OPERATE: "ping nslookup dig"},
    Area.REMOTE_SUPPORT: {Verb.OPERATE: "techsupport"},
    Area.MONITORING: {Verb.STAGE: "reportingconfig trackingconfig"},
    Area.LISTENERS: {Verb.STAGE: "listenerconfig exceptionconfig"},
    Area.CALL_AHEAD: {Verb.STAGE: "callaheadconfig"},
    Area.RELAYS: {Verb.STAGE: "incomingrelayconfig"},
    Area.SMTP_AUTH: {Verb.STAGE: "smtpauthconfig"},
    Area.LDAP: {Verb.STAGE: "ldapconfig", Verb.OPERATE: "ldapflush ldaptest"},
    Area.MAIL_POLICIES: {Verb.STAGE: "policyconfig"},
    Area.FILTERS: {Verb.STAGE: "filters"},
    Area.DICTIONARIES: {Verb.STAGE: "dictionaryconfig textconfig"},
    Area.SCANNING: {Verb.STAGE: "scanconfig stripheaders"},
    Area.ENGINES: {
        Verb.STAGE: "antispamconfig antivirusconfig vofconfig outbreakconfig",
        Verb.OPERATE: "antispamupdate antivirusupdate vofupdate vofflush outbreakupdate "
        "outbreakflush dlpupdate dlprollback",
    },
    Area.REPUTATION: {Verb.STAGE: "senderbaseconfig"},
    Area.ENCRYPTION: {
        Verb.STAGE: "encryptionconfig",
        Verb.OPERATE: "encryptionstatus encryptionupdate",
    },
    Area.SIGNING: {Verb.STAGE: "domainkeysconfig"},
    Area.QUARANTINE_SETUP: {Verb.STAGE: "quarantineconfig"},
    Area.SAFE_BLOCK_LISTS: {Verb.OPERATE: "slblconfig"},
    Area.ADDRESS_TABLES: {Verb.STAGE: "aliasconfig altsrchost unsubscribe sievechar"},
    Area.DELIVERY: {Verb.STAGE: "smtproutes destconfig deliveryconfig bounceconfig bvconfig"},
    Area.STATUS: {
        Verb.VIEW: "status rate hostrate hoststatus tophosts topin displayalerts sbstatus "
        "antispamstatus antivirusstatus vofstatus outbreakstatus dlpstatus"
    },
    Area.COUNTERS: {Verb.OPERATE: "resetcounters"},
    Area.WORK_QUEUE: {Verb.VIEW: "workqueue"},
    Area.QUEUE: {
        Verb.VIEW: "showrecipients showmessage oldmessage",
        Verb.OPERATE: "delivernow deleterecipients bouncerecipients redirectrecipients "
        "removemessage archivemessage",
    },
    Area.QUEUE_RESET: {Verb.OPERATE: "resetqueue"},
    Area.TRACE: {Verb.OPERATE: "trace"},
}
_FORMS: Final = {
    "passwd user": Permission(Area.OTHER_PASSWORDS, Verb.OPERATE),
    "password user": Permission(Area.OTHER_PASSWORDS, Verb.OPERATE),
    "callaheadconfig test": Permission(Area.CALL_AHEAD, Verb.OPERATE),
    "callaheadconfig flushcache": Permission(Area.CALL_AHEAD, Verb.OPERATE),
    "workqueue pause": Permission(Area.WORK_QUEUE, Verb.OPERATE),
    "workqueue resume": Permission(Area.WORK_QUEUE, Verb.OPERATE),
}
COMMAND_PERMISSIONS: Final[Mapping[str, Permission]] = MappingProxyType(
    {
        word: Permission(area, verb)
        for area, verbs in _WORDS.items()
        for verb, words in verbs.items()
        for word in words.split()
    }
    | _FORMS
)
_USE_CLI: Final = Permission(Area.CLI, Verb.OPERATE)
_COMMIT: Final = Permission(Area.CHANGES, Verb.COMMIT)


def may_run(rights: Rights, command: str) -> bool:
    """Tell whether a command may be run on the command line; one that is not known may not."""
    permission = COMMAND_PERMISSIONS.get(command)
    return permission is not None and rights.may(_USE_CLI) and rights.may(permission)


def lowest_level(command: str) -> Level:
    """Return the built-in role from which on a command takes effect: the column Who.

    Whoever is below may at most stage with it what others have to commit.

    Raises:
        KeyError: there is no such command.
    """
    permission = COMMAND_PERMISSIONS[command]
    lowest = LOWEST[permission]
    if permission.verb is not Verb.STAGE or permission.area is Area.CHANGES:
        return lowest
    return max(lowest, LOWEST[_COMMIT], key=lambda level: level.value)


def refusal(rights: Rights, command: str) -> str:
    """Return what somebody hears whose role does not have a command (CLI-24, COM-09)."""
    if COMMAND_PERMISSIONS.get(command) == _COMMIT:
        return f"Your role ({role_name(rights.role)}) is not allowed to commit changes."
    return f"You do not have permission to run {command.partition(' ')[0]}"
