"""Tests of what an administrator can do."""
