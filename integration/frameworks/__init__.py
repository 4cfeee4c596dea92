"""The real vector-store classes of application frameworks, before and after a migration.

`documents` and `with_*` run in environments of their own, which have one framework and not this project, because their pins
conflict with ours; `environments` makes those; `stores` starts the servers and says where they are.
"""
