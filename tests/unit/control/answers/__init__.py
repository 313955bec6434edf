"""Tests of mailwarden.control.answers."""
