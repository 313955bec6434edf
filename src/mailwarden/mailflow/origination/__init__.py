"""Mail that the gateway writes itself."""
