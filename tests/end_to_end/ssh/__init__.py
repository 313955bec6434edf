"""The command line over SSH, with the clients of OpenSSH."""
