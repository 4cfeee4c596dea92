"""The value matrix: every ordered pair of stores, every kind of value, each read with the vendor's own client."""
