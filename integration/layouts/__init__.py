"""What real frameworks store and read: run by environments of their own, see `make.py`."""
