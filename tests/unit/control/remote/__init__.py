"""Tests of the ways to the command line."""
