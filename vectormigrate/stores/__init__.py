"""The one port to a vector database, and its adapters: one folder a vendor, opened through the registry."""
