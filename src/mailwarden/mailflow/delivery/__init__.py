"""From spool to next hop."""
