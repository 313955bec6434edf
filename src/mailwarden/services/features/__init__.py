"""Feature switches: which features are active, since when, by whom and until when (admin 7)."""
