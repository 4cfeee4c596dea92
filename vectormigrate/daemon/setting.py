"""What a setting is: one value that a user can give, under four names.

The flag `--batch-size`, the variable `VECTORMIGRATE_BATCH_SIZE`, the key `batch_size` of a table of the file, and the
word in the help. Which settings there are is `settings.py`; which of the four gave a value is `config.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum

from vectormigrate.model.errors import UsageError

PREFIX = "VECTORMIGRATE_"


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    FLAG = "flag"
    """True when given; `--no-NAME` is not needed, because every flag is off unless it is given."""
    NAMES = "names"
    """A list: the flag may be repeated; in a variable, separated by commas."""
    PAIRS = "pairs"
    """A table of `KEY=VALUE`: the flag may be repeated; in a variable, separated by commas."""


_WORDED = re.compile(r"(?P<number>\d{1,20}(\.\d{1,20})?)\s*(?P<word>[a-zA-Z]+)(/s)?")
_COUNTS = {"k": Decimal(1_000), "M": Decimal(1_000_000)}
_SCALES = {
    "seconds": {
        "ms": Decimal("0.001"),
        "s": Decimal(1),
        "m": Decimal(60),
        "h": Decimal(3_600),
        "d": Decimal(86_400),
    },
    "bytes": {
        "kB": Decimal(10**3),
        "MB": Decimal(10**6),
        "GB": Decimal(10**9),
        "KiB": Decimal(2**10),
        "MiB": Decimal(2**20),
        "GiB": Decimal(2**30),
    },
}
"""What may stand behind a number, by the unit of a setting; `_COUNTS` behind all others."""
Value = str | int | float | bool | tuple[str, ...] | dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that a user can give. Limits are inclusive; `unit` is for people."""

    name: str
    """With hyphens, as in the flag."""
    help: str
    kind: Kind = Kind.TEXT
    default: Value = None
    """None when leaving it out means something of its own, which `unset` says."""
    unset: str = ""
    unit: str = ""
    least: float | None = None
    most: float | None = None
    because: str = ""
    """Why the limits are what they are, for the error."""
    choices: tuple[str, ...] = ()
    metavar: str = ""
    section: str = ""
    """Table of the file that holds it; "" for the top of the file."""
    letter: str = ""
    """The flag in short, where it has one."""
    secret: bool = False
    """Shown as stars."""
    local: bool = False
    """About this terminal or this machine's files: nothing that a daemon elsewhere could be asked for."""
    reference: bool = False
    """Kept as written (`${NAME}` and all) and resolved at the moment of connecting."""
    form: Callable[[str], object] | None = None
    """What a text must be beyond that; raises ValueError, whose text says what it would have to be."""

    @property
    def key(self) -> str:
        """The name in the file and in code."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return PREFIX + self.key.upper()

    def parse(self, given: object, origin: str) -> Value:
        """The value as its type, or UsageError that names where it came from."""
        match self.kind:
            case Kind.FLAG:
                return self._flag(given, origin)
            case Kind.INT | Kind.FLOAT:
                return self._number(given, origin)
            case Kind.NAMES:
                return self._names(given, origin)
            case Kind.PAIRS:
                return self._pairs(given, origin)
            case Kind.TEXT:
                return self._text(given, origin)

    def _text(self, given: object, origin: str) -> str:
        if not isinstance(given, str) or "\0" in given:
            raise self._wrong(given, origin, "a text")
        if self.choices and given not in self.choices:
            near = get_close_matches(given, self.choices, n=1)
            meant = f"did you mean {near[0]}?" if near else ""
            raise self._wrong(given, origin, f"one of {', '.join(self.choices)}", meant)
        if self.form is not None:
            try:
                self.form(given)
            except ValueError as error:
                raise self._wrong(given, origin, str(error)) from None
        return given

    def _flag(self, given: object, origin: str) -> bool:
        if isinstance(given, bool):
            return given
        word = given.strip().lower() if isinstance(given, str) else None
        if word in ("1", "true", "yes", "on"):
            return True
        if word in ("0", "false", "no", "off", ""):
            return False
        raise self._wrong(given, origin, "true or false")

    def _number(self, given: object, origin: str) -> int | float:
        whole = self.kind is Kind.INT
        try:
            if isinstance(given, bool) or (whole and isinstance(given, float)):
                raise TypeError
            told = _scaled(given, self.unit) if isinstance(given, str) else given
            value: int | float = int(told) if whole else float(told)  # type: ignore[call-overload, arg-type] # tried
        except (TypeError, ValueError):
            raise self._wrong(given, origin, self.expected()) from None
        # NaN fails both comparisons, so it is refused wherever there is a limit.
        if (self.least is not None and not value >= self.least) or (
            self.most is not None and not value <= self.most
        ):
            raise self._wrong(given, origin, self.expected())
        return value

    def _names(self, given: object, origin: str) -> tuple[str, ...]:
        items = given.split(",") if isinstance(given, str) else given
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise self._wrong(given, origin, "a list of names")
        return tuple(item.strip() for item in items if item.strip())

    def _pairs(self, given: object, origin: str) -> dict[str, str]:
        if isinstance(given, dict):
            return {str(key): _scalar(value) for key, value in given.items()}
        items = given.split(",") if isinstance(given, str) else given
        if not isinstance(items, list | tuple):
            raise self._wrong(given, origin, "KEY=VALUE")
        pairs: dict[str, str] = {}
        for item in items:
            key, equals, value = str(item).partition("=")
            if not equals or not key.strip():
                raise self._wrong(item, origin, self.metavar or "KEY=VALUE")
            if key.strip() in pairs:
                raise UsageError(f"{origin} gives {key.strip()!r} twice")
            pairs[key.strip()] = value
        return pairs

    def expected(self) -> str:
        """What a number may be, for people: "a whole number from 1 to 10,000"."""
        words = "a whole number" if self.kind is Kind.INT else "a number"
        if self.least is not None and self.most is not None:
            return f"{words} from {_number(self.least)} to {_number(self.most)}"
        if self.least is not None:
            return f"{words}, {self.least:,} or more"
        return words

    def _wrong(self, given: object, origin: str, expected: str, hint: str = "") -> UsageError:
        shown = "that" if self.secret else repr(given)[:80]
        return UsageError(f"{origin} must be {expected}, not {shown}", hint=hint or self.because)


def _scaled(text: str, unit: str) -> str:
    """A number with a word behind it as the number in the setting's own unit: `90s`, `64MiB`, `5k/s`; anything else as it is."""
    found = _WORDED.fullmatch(text.strip())
    scale = _SCALES.get(unit.removesuffix(" a second"), _COUNTS).get(found["word"]) if found else None
    if found is None or scale is None:
        return text
    value = Decimal(found["number"]) * scale
    return str(int(value)) if value == int(value) else str(value)


def _number(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:,}"


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
