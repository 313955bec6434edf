"""Updates of engines and rules: found, fetched, checked and switched (admin 8.1)."""
