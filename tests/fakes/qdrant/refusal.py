"""How the server says no."""

from __future__ import annotations


class Refused(Exception):
    """An HTTP status and the server's words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def wrong_input(message: str) -> Refused:
    return Refused(400, f"Wrong input: {message}")


def missing_collection(name: str) -> Refused:
    return Refused(404, f"Not found: Collection `{name}` doesn't exist!")
