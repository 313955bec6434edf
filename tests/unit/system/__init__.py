"""Tests of `mailwarden.system`."""
