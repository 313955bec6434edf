"""Certificates and keys that the gateway keeps itself, and the authorities that it trusts."""
