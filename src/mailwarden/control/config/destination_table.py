"""The destination controls of a configuration as one table (mailflow 7.2)."""

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.destinations import DestinationTable, table_of


def destination_table(config: GatewayConfig) -> DestinationTable:
    """Return the table that holds."""
    return table_of(
        config.destinations,
        send_tls_alert=config.delivery.send_tls_alert,
        certificate=config.delivery.certificate,
    )
