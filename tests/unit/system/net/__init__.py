"""Tests of `mailwarden.system.net`."""
