"""All commands of the CLI."""

from typing import Final

from mailwarden.control.commands import (
    admin_access,
    bounce_profiles,
    committing,
    configuration_files,
    delivery,
    destinations,
    interfaces,
    listeners,
    load_configuration,
    logs,
    lookups,
    mail_flow,
    network,
    node,
    password,
    queue_changes,
    queue_views,
    rates,
    resetting,
    second_factor,
    sessions,
    smtp_routes,
    ssh_config,
    status,
    system_setup,
    tls,
    tls_verify,
    users,
    work_queue,
)
from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.dialogue.builtin import EXIT, HELP
from mailwarden.control.dialogue.declaration import Catalog

CATALOG: Final[Catalog[SettingsDraft]] = Catalog(
    (
        *committing.COMMANDS,
        *admin_access.COMMANDS,
        *configuration_files.COMMANDS,
        *load_configuration.COMMANDS,
        *users.COMMANDS,
        *interfaces.COMMANDS,
        *node.COMMANDS,
        *password.COMMANDS,
        *second_factor.COMMANDS,
        *sessions.COMMANDS,
        *ssh_config.COMMANDS,
        *listeners.COMMANDS,
        *logs.COMMANDS,
        *lookups.COMMANDS,
        *mail_flow.COMMANDS,
        *network.COMMANDS,
        *queue_changes.COMMANDS,
        *queue_views.COMMANDS,
        *rates.COMMANDS,
        *resetting.COMMANDS,
        *status.COMMANDS,
        *system_setup.COMMANDS,
        *tls.COMMANDS,
        *tls_verify.COMMANDS,
        *work_queue.COMMANDS,
        *destinations.COMMANDS,
        *smtp_routes.COMMANDS,
        *bounce_profiles.COMMANDS,
        *delivery.COMMANDS,
        HELP,
        EXIT,
    )
)
