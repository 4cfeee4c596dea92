"""A newcomer's way, from an empty machine to an empty machine: what is typed (`path.sh`), the machine, and the application."""
