"""Tests of users and passwords."""
