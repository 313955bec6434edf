"""The destination controls of a configuration as one table (mailflow 7.2)."""

from dataclasses import replace

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.destinations import DestinationTable, table_of


def destination_table(config: GatewayConfig) -> DestinationTable:
    """Return the table that holds: that of the text, or else that of the rows."""
    delivery = config.delivery
    if not config.destination_controls:
        return table_of(
            config.destinations,
            send_tls_alert=delivery.send_tls_alert,
            certificate=delivery.certificate,
        )
    table = config.destination_controls.table
    return replace(
        table,
        send_tls_alert=table.send_tls_alert or delivery.send_tls_alert,
        certificate=table.certificate or delivery.certificate,
    )
