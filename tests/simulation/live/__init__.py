"""A daemon, its stores, its clients and its clock, simulated: one seed, one story."""
