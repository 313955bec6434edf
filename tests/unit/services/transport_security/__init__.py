"""Policies of other domains, without a network."""
