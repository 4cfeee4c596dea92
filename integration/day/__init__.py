"""A day of operation in virtual time: a daemon and what it depends on (`site.py`), what is seen of it from outside
(`scrapes.py`), and what goes wrong at which hour (`story.py`).
"""
