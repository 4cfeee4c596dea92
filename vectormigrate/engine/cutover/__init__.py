"""Changing who answers the application: the conditions for it, and the swap itself."""
