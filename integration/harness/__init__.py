"""What the integration tests are made of: sides that are filled and read by the vendors' own clients, and runs."""
