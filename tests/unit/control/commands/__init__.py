"""The commands of the CLI, each with a real store and a gateway that is none."""
