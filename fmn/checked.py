"""Settings and stored state as pydantic dataclasses whose errors are the project's sentences."""

from collections.abc import Callable
from dataclasses import field
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

from pydantic import AfterValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fmn.errors import InputError

T = TypeVar("T")

WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
}


def rule(holds: Callable[[Any], bool], sentence: str) -> AfterValidator:
    """A field's rule, for `Annotated[type, rule(...)]`: InputError with `sentence` where it does not hold.

    sentence: the rule and what to do; `{name}` is the field's name, `{value}` and `{value!r}` what was given.
    """

    def check(value: Any, info: ValidationInfo) -> Any:
        if not holds(value):
            raise InputError(sentence.format(name=info.field_name, value=value))
        return value

    return AfterValidator(check)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def checked(of: str) -> Callable[[type[T]], type[T]]:
    """A frozen dataclass whose fields have their types (strictly) and keep their rules; else InputError.

    of: what a sentence calls it: `of` "Training" says "Training needs a whole number as epochs, got 'ten'."
    What several fields say together stays in `__post_init__`.
    """

    def decorate(cls: type[T]) -> type[T]:
        config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
        made: Any = pydantic_dataclass(frozen=True, config=config)(cls)
        validate = made.__init__

        def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807
            try:
                validate(self, *values, **named)
            except ValidationError as error:
                raise InputError(sentence_of(error, of)) from None

        made.__init__ = wraps(validate)(__init__)
        return made  # type: ignore[no-any-return]

    return decorate


def sentence_of(error: ValidationError, of: str) -> str:
    """The first thing that is wrong, as a sentence: what is needed, where, and what was given."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"]) or "it"
    wanted = WANTED.get(first["type"])
    given = f"{first['input']!r:.80}"
    if first["type"] == "missing":
        return f"{of} needs {place}, and it is missing."
    if first["type"] == "unexpected_keyword_argument":
        return f"{of} has no {place}, got {given}."
    if wanted is None:
        return f"{of} needs another {place}: {first['msg'][:1].lower()}{first['msg'][1:]}, got {given}."
    return f"{of} needs {wanted} as {place}, got {given}."
