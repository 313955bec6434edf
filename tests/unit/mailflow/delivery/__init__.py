"""Tests of delivery: from the spool to the next hop."""
