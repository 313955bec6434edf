"""Certificates that the gateway keeps."""
