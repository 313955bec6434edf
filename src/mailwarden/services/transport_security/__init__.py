"""Policies of other domains for the connections to their mail hosts (RFC 8461, RFC 7672)."""
