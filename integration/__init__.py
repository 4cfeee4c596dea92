"""Real processes against real stores: what is too slow, or too rough, for `make test`."""
