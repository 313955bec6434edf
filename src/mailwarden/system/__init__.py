"""Operating system and network, behind small interfaces."""
