"""Milvus' filter expressions as trees: a parser for what it says of fields, JSON paths and lists.

Only syntax is here; what a tree means for a record is `predicates`. What Milvus knows and nobody else could answer
(text matching, geometry, sampling, arithmetic beyond one step) is recognised and told by name as `Beyond`, which is no
syntax error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from vectormigrate.model.filter import Comparison

from .tokens import ExpressionInvalid, Kind, Token, tokens


class Beyond(ValueError):
    """A well-formed expression that only Milvus itself can answer."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A field, or a place inside one: keys of objects, numbers of list elements."""

    name: str
    path: tuple[str | int, ...] = ()
    step: tuple[str, int | float] | None = None
    """What is computed of the number there before it is compared: a sign of `STEPS` and the other number."""


@dataclass(frozen=True, slots=True)
class Compared:
    """`ref < value`; alone of all, of a ref with a step too."""

    ref: Ref
    comparison: Comparison
    value: Any


@dataclass(frozen=True, slots=True)
class Among:
    """`ref in [values]`."""

    ref: Ref
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`ref like "pattern"`: `%` stands for anything, `_` for one letter, a backslash before either for itself."""

    ref: Ref
    pattern: str


@dataclass(frozen=True, slots=True)
class Contains:
    """`array_contains` and `json_contains`, over one value, `_any` or `_all` of several."""

    ref: Ref
    values: tuple[Any, ...]
    every: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """`array_length(ref) < value`."""

    ref: Ref
    comparison: Comparison
    value: int


@dataclass(frozen=True, slots=True)
class Null:
    """`ref is null`; `exists` is its negation."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Negation:
    """`not item`."""

    item: Expression


@dataclass(frozen=True, slots=True)
class Both:
    """`and`; of nothing, it is always true."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`or`."""

    items: tuple[Expression, ...]


Leaf: TypeAlias = Compared | Among | Like | Contains | Length | Null
Expression: TypeAlias = Leaf | Negation | Both | Either

_COMPARISONS = {
    "==": Comparison.EQ,
    "!=": Comparison.NE,
    "<": Comparison.LT,
    "<=": Comparison.LTE,
    ">": Comparison.GT,
    ">=": Comparison.GTE,
}
_MIRRORED = {
    Comparison.EQ: Comparison.EQ,
    Comparison.NE: Comparison.NE,
    Comparison.LT: Comparison.GT,
    Comparison.LTE: Comparison.GTE,
    Comparison.GT: Comparison.LT,
    Comparison.GTE: Comparison.LTE,
}
_UP, _DOWN = {Comparison.LT, Comparison.LTE}, {Comparison.GT, Comparison.GTE}
STEPS = frozenset({"+", "-", "*", "/", "%"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^"})
_CONTAINING = {
    f"{kind}_contains{which}": which for kind in ("array", "json") for which in ("", "_any", "_all")
}
_DEEPEST = 60
"""Brackets inside brackets: more than anybody writes, and less than Python's own stack."""


@dataclass(frozen=True, slots=True)
class _Length:
    """`array_length(ref)`, before it is compared."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class _Value:
    """A literal."""

    value: Any


_Operand: TypeAlias = Ref | _Length | _Value | Expression


def parse(text: str, values: Mapping[str, Any] | None = None) -> Expression:
    """Read an expression; `values` stand where it says `{name}`. Of an empty text everything is true.

    Raises ExpressionInvalid, Beyond.
    """
    if not text.strip():
        return Both(())
    parser = _Parser(tokens(text), values or {})
    found = parser.disjunction()
    parser.expect_end()
    return parser.truth(found)


@dataclass(slots=True)
class _Parser:
    tokens: list[Token]
    values: Mapping[str, Any]
    place: int = 0
    depth: int = 0

    # Tokens.

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.token
        self.place += 1
        return token

    def word(self, *words: str) -> bool:
        """Take the next token if it is one of these words, in whatever letters."""
        token = self.token
        found = token.kind in (Kind.NAME, Kind.SYMBOL) and token.text.lower() in words
        self.place += found
        return found

    def expect(self, symbol: str) -> None:
        if not self.word(symbol):
            raise self.unexpected(f"{symbol!r} is missing")

    def expect_end(self) -> None:
        if self.token.kind is not Kind.END:
            raise self.unexpected("")

    def unexpected(self, wanted: str) -> Exception:
        token = self.token
        if token.text in _ARITHMETIC:
            return Beyond("arithmetic in a filter")
        what = f"unexpected {token.text!r} at {token.place}" if token.text else "it ends too soon"
        return ExpressionInvalid(f"{what}: {wanted}" if wanted else what)

    # Truths.

    def disjunction(self) -> _Operand:
        return self._joined(self.conjunction, ("or", "||"), Either)

    def conjunction(self) -> _Operand:
        return self._joined(self.negation, ("and", "&&"), Both)

    def _joined(
        self, part: Callable[[], _Operand], words: tuple[str, str], join: type[Both | Either]
    ) -> _Operand:
        first = part()
        if not (self.token.text.lower() in words and self.token.kind is not Kind.TEXT):
            return first
        items = [self.truth(first)]
        while self.word(*words):
            items.append(self.truth(part()))
        return join(tuple(items))

    def negation(self) -> _Operand:
        if not self.word("not", "!"):
            return self.comparison()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ExpressionInvalid("it is nested too deeply")
        item = self.truth(self.negation())
        self.depth -= 1
        return Negation(item)

    def truth(self, found: _Operand) -> Expression:
        """What can be true or false. Raises ExpressionInvalid for a field or a value alone."""
        if isinstance(found, _Value) and isinstance(found.value, bool):
            return Both(()) if found.value else Negation(Both(()))
        if isinstance(found, _Value | _Length | Ref):
            raise ExpressionInvalid("a predicate is wanted where there is a value")
        return found

    def comparison(self) -> _Operand:
        left = self.operand()
        if isinstance(left, Ref) and (found := self._about(left)) is not None:
            if left.step is not None:
                raise Beyond("arithmetic in a filter that compares with no number")
            return found
        comparison = _COMPARISONS.get(self.token.text) if self.token.kind is Kind.SYMBOL else None
        if comparison is None:
            return left
        self.take()
        found = self._compared(left, comparison, right := self.operand())
        second = _COMPARISONS.get(self.token.text) if self.token.kind is Kind.SYMBOL else None
        if second is None:
            return found
        if not any({comparison, second} <= direction for direction in (_UP, _DOWN)):
            raise self.unexpected("comparisons cannot be chained so")
        self.take()
        return Both((found, self._compared(right, second, self.operand())))

    def _about(self, ref: Ref) -> Expression | None:
        """What is said of a field by words."""
        if self.word("is"):
            negated = self.word("not")
            self.expect("null")
            return Negation(Null(ref)) if negated else Null(ref)
        if self.word("like"):
            if self.token.kind is not Kind.TEXT:
                raise self.unexpected("like wants a text")
            return Like(ref, self.take().value)
        negated = self.token.text.lower() == "not" and self.tokens[self.place + 1].text.lower() == "in"
        self.place += negated
        if not self.word("in"):
            return None
        among = Among(ref, self._several(self.literal()))
        return Negation(among) if negated else among

    def _compared(self, left: _Operand, comparison: Comparison, right: _Operand) -> Expression:
        if isinstance(left, _Value):
            left, comparison, right = right, _MIRRORED[comparison], left
        if isinstance(left, Ref | _Length) and isinstance(right, Ref | _Length):
            raise Beyond("comparing two fields in a filter")
        if not isinstance(right, _Value) or not isinstance(left, Ref | _Length):
            raise ExpressionInvalid("a comparison wants a field and a value")
        if isinstance(left, Ref):
            return Compared(left, comparison, right.value)
        if type(right.value) is not int:
            raise ExpressionInvalid("array_length is compared with a whole number")
        return Length(left.ref, comparison, right.value)

    # Operands.

    def operand(self) -> _Operand:
        """A field or a value, and one step of arithmetic, which is as many as Milvus takes."""
        found = self._operand()
        if not self._at_arithmetic():
            return found
        sign = self.take().text
        other = self._operand()
        if isinstance(found, _Value) and sign in ("+", "*"):
            found, other = other, found
        if self._at_arithmetic() or sign not in STEPS or not isinstance(found, Ref) or found.step is not None:
            raise Beyond("such arithmetic in a filter")
        by = other.value if isinstance(other, _Value) else None
        if isinstance(by, bool) or not isinstance(by, int | float):
            raise Beyond("arithmetic with anything but a number in a filter")
        if not by and sign in ("/", "%"):
            raise ExpressionInvalid("division by zero")
        return replace(found, step=(sign, by))

    def _at_arithmetic(self) -> bool:
        return self.token.kind is Kind.SYMBOL and self.token.text in _ARITHMETIC

    def _operand(self) -> _Operand:
        token = self.token
        if token.text == "(" and token.kind is Kind.SYMBOL:
            return self._bracketed()
        if token.kind is not Kind.NAME or token.text.lower() in ("true", "false"):
            return _Value(self.literal())
        if self.word("exists"):
            return Negation(Null(self.ref()))
        if self.tokens[self.place + 1].text == "(":
            return self._call()
        return self.ref()

    def _bracketed(self) -> _Operand:
        self.take()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ExpressionInvalid("it is nested too deeply")
        found = self.disjunction()
        self.depth -= 1
        self.expect(")")
        return found

    def ref(self) -> Ref:
        """A field and a path into it."""
        if self.token.kind is not Kind.NAME:
            raise self.unexpected("a field is wanted")
        name = self.take().text
        path: list[str | int] = []
        while self.word("["):
            token = self.take()
            if token.kind is not Kind.TEXT and type(token.value) is not int:
                raise ExpressionInvalid(f"{token.text!r} is no place in {name!r}")
            path.append(token.value)
            self.expect("]")
        if name == "$meta":  # the dynamic field itself: its keys are fields
            if not path or not isinstance(path[0], str):
                raise ExpressionInvalid('$meta wants a key: $meta["key"]')
            return Ref(path[0], tuple(path[1:]))
        return Ref(name, tuple(path))

    def _call(self) -> _Operand:
        name = self.take().text.lower()
        self.expect("(")
        if name != "array_length" and name not in _CONTAINING:
            raise Beyond(f"{name} in a filter")
        ref = self.ref()
        if name == "array_length":
            self.expect(")")
            return _Length(ref)
        self.expect(",")
        value = self.literal()
        self.expect(")")
        which = _CONTAINING[name]
        return Contains(ref, self._several(value) if which else (value,), every=which == "_all")

    @staticmethod
    def _several(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ExpressionInvalid("a list is wanted")
        return tuple(value)

    def literal(self) -> Any:
        """A value: a number, a text, a boolean, a list of values, or the one of a `{name}`."""
        token = self.take()
        if token.kind in (Kind.NUMBER, Kind.TEXT):
            return self._checked(token.value)
        if token.kind is Kind.NAME and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        match token.text:
            case "-" | "+" if self.token.kind is Kind.NUMBER:
                return self._checked(-self.take().value if token.text == "-" else self.take().value)
            case "[":
                return self._list()
            case "{":
                return self._given()
            case _:
                pass
        self.place -= 1
        raise self.unexpected("a value is wanted")

    @staticmethod
    def _checked(value: Any) -> Any:
        if type(value) is int and not -(2**63) <= value < 2**63:
            raise ExpressionInvalid(f"{value} does not fit 64 bits")
        return value

    def _list(self) -> list[Any]:
        found: list[Any] = []
        while not self.word("]"):
            found.append(self.literal())
            if not self.word(","):
                self.expect("]")
                break
        return found

    def _given(self) -> Any:
        name = self.take().text
        self.expect("}")
        if name not in self.values:
            raise ExpressionInvalid(f"the value of {{{name}}} is not given")
        return self.values[name]
