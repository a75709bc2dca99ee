"""What is wrong with a value, in a person's words."""

from typing import Any, Literal

import pytest
from pydantic import Field

from kanrepro.core.errors import UserError
from kanrepro.core.parts import Part, Positive, Scale, Share, validate


class Below(Part):
    on: bool = True


class Settings(Part):
    count: Positive = 1
    rate: Scale = 0.1
    share: Share = 0.5
    less: float = Field(default=0.5, gt=0, lt=1)
    name: str = "a"
    seeds: tuple[int, ...] = ()
    kind: Literal["one", "two"] = "one"
    below: Below = Below()
    pair: list[int] = Field(default=[1], min_length=1)
    code: str = Field(default="a", pattern="^[a-z]$")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"count": "many"}, "count = 'many': a whole number is expected."),
        ({"count": 1.5}, "count = 1.5: a whole number is expected."),
        ({"count": 0}, "count = 0: it must be at least 1."),
        ({"rate": []}, "rate = []: a number is expected."),
        ({"rate": float("inf")}, "rate = inf: a finite number is expected."),
        ({"share": 2}, "share = 2: it must be at most 1."),
        ({"less": 0}, "less = 0: it must be more than 0."),
        ({"less": 1}, "less = 1: it must be less than 1."),
        ({"name": 3}, "name = 3: text is expected."),
        ({"seeds": 0}, "seeds = 0: a list is expected, such as [a, b]."),
        ({"seeds": [0, "a"]}, "seeds.1 = 'a': a whole number is expected."),
        ({"kind": "three"}, "kind = 'three': it must be 'one' or 'two'."),
        ({"below": 3}, "below = 3: keys with values are expected, such as {key: value}."),
        ({"below": {"on": "perhaps"}}, "below.on = 'perhaps': true or false is expected."),
        ({"pair": []}, "pair = []: at least 1 are needed."),
    ],
)
def test_faults_are_told_in_a_persons_words(content: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        validate(Settings, content, "config")
    assert str(error.value) == f"config: {said}"


def test_what_has_no_words_of_its_own_is_told_as_it_is() -> None:
    with pytest.raises(UserError, match="String should match pattern"):
        validate(Settings, {"code": "AB"}, "config")
