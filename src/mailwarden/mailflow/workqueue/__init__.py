"""The stages between receipt and delivery."""
