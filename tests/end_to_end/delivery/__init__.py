"""Delivery on its own, against scripted servers."""
