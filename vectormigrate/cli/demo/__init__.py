"""The demonstration: embedded servers, its data and its story."""
