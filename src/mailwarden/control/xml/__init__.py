"""XML configuration files: saved, validated, loaded whole or in part, brought from elsewhere."""
