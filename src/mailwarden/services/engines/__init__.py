"""Engines that judge hosts and messages; they report, policy acts."""
