"""The ways to the command line: SSH, and the console of the machine."""
