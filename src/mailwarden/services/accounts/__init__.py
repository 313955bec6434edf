"""Signing in: accounts of local users, passwords and codes, and servers that know others."""
