"""What the tests of live migrations are made of: daemons that can be killed cheaply, links that fail, writers that keep
their history, and a world of a source, a daemon and a target.
"""
