"""The ACME client."""
