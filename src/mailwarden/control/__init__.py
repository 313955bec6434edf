"""How administrators command the gateway."""
