"""Values and bodies that nobody means well with, as JSON text, so that they can be what no JSON writer would write."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

Step = str | int
Place = tuple[Step, ...]
_HERE = "<<here>>"

# `{mark}` is a word that no answer may repeat.
STRINGS = (
    r'"{mark}\u0000"',
    r'"\u0000"',
    r'"\ud800{mark}"',
    r'"{mark}\udfff\ud800"',
    r'"\u202e{mark}\u2066\u2028\ufeff"',
    r'"{mark}\r\nSet-Cookie: a=b\u001b[31m"',
    '"😀{mark}🏴‍☠️"',
    '"{mark}' + "a" * 100_000 + '"',
    '"' + "%" * 1000 + '"',
    '"{mark}\'; DROP TABLE users;--"',
    '"${jndi:ldap://127.0.0.1:9/{mark}}"',
    '"{{7*7}}{mark}<script>alert(1)</script>"',
    '"../../../../etc/passwd{mark}"',
    '"{mark}%s%n%x{0.__class__}"',
    '" "',
    '""',
)
NUMBERS = (
    "-1",
    "0",
    "1.5",
    "2147483648",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
    "-1e999",
    "1e-400",
    "NaN",
    "-Infinity",
    "9" * 5000,
    "0." + "3" * 5000,
)
TYPES = ("null", "true", "[]", "{}", "[[]]", '["{mark}"]', '{"$ne": null}', '{"{mark}": "{mark}"}', "[null]")
VALUES = STRINGS + NUMBERS + TYPES


def deep(opening: str, closing: str, depth: int) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


# None of these is an object.
NO_OBJECTS: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "true": b"true",
    "number": b"0",
    "NaN": b"NaN",
    "unfinished": b"{",
    "unfinished text": b'{"a": "',
    "two": b"{}{}",
    "trailing words": b"{} x",
    "trailing NUL": b"{}\x00",
    "comment": b"{} // x",
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "not UTF-8": b'{"a": "\xff\xfe\xc0\xaf"}',
    "overlong UTF-8": b'{"\xc0\x80": 1}',
    "unknown member": b'{"surprise": 1}',
    "prototype": b'{"__proto__": {"admin": true}}',
    "NUL in a name": rb'{"\u0000": 1}',
    "surrogate in a name": rb'{"\ud800": 1}',
    "many members": b"{" + b",".join(b'"k%d":1' % n for n in range(40_000)) + b"}",
    "two megabytes": b'{"a": "' + b"a" * 2_000_000 + b'"}',
    "long number": b'{"a": ' + b"9" * 100_000 + b"}",
} | {
    f"{name} {depth} deep": deep(opening, closing, depth)
    for name, opening, closing in (("lists", "[", "]"), ("objects", '{"a":', "}"), ("both", '{"a":[', "]}"))
    for depth in (65, 1000, 100_000)
}
# These may be read as what they say, or refused.
ODD: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "white space": lambda text: b"\r\n\t " * 20_000 + text,
    "every member twice": lambda text: text[:-1] + b", " + text[1:],
}


def leaves(value: object, place: Place = ()) -> Iterator[Place]:
    """Where the values of a body stand that hold no others."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for step, inner in items:
            yield from leaves(inner, (*place, step))
    else:
        yield place


def places(schema: Mapping[str, Any], body: Mapping[str, Any]) -> list[Place]:
    """Everything that can be said in a body of the schema, and every leaf of the given one."""
    members: list[Place] = [(name,) for name in schema.get("properties", {})]
    return members + [place for place in leaves(body) if len(place) > 1]


def with_value(body: Mapping[str, Any], place: Place, value: str) -> bytes:
    """The body with this JSON text at that place."""
    changed: Any = deepcopy(dict(body))
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = _HERE
    return json.dumps(changed).replace(f'"{_HERE}"', value).encode("utf-8", "surrogatepass")
