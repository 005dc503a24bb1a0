"""A YAML document is edited where a value changes; what stands around it stays."""

import pytest
import yaml

from cartwheel.autoscaling.editing.document import Document, EditError

TEXT = """\
# Of the cart.
spec:   # all of it
  min: 2   # two
  max: "7"
  empty:
  query: |-
    sum(
      a
    )
  flow: {a: 1, 'b': [1, 2]}
  list:
    # the first
    - type: Pods   # so many
      value: 5
    - {type: Percent, value: 100}
  last: 1   # the end
"""


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (("spec", "min"), 3, "min: 2   # two", "min: 3   # two"),
        (("spec", "max"), "9", 'max: "7"', 'max: "9"'),
        (("spec", "empty"), 1, "empty:\n", "empty: 1\n"),
        (("spec", "flow", "a"), 5, "{a: 1,", "{a: 5,"),
        (("spec", "flow", "c"), "true", "[1, 2]}", '[1, 2], c: "true"}'),
        (("spec", "flow", "b", 2), 3, "[1, 2]", "[1, 2, 3]"),
        (("spec", "new"), 1, "# the end\n", "# the end\n  new: 1\n"),
        (("spec", "empty", "x", "y"), 1, "empty:\n", "empty:\n    x:\n      y: 1\n"),
        (("spec", "list", 0, "value"), 6, "value: 5", "value: 6"),
        (("spec", "list", 1, "value"), 6, "value: 100", "value: 6"),
        (("spec", "list", 0, "more"), 6, "value: 5\n", "value: 5\n      more: 6\n"),
        (("spec", "list", 2), {"type": "x"}, "100}\n", "100}\n    - {type: x}\n"),
        (("other",), [{"a": 1}], "# the end\n", "# the end\nother:\n  - {a: 1}\n"),
    ],
)
def test_a_value_is_set_and_nothing_else_changes(
    path: tuple[str | int, ...], value: object, before: str, after: str
) -> None:
    found = Document(TEXT).set(path, value)
    assert TEXT.count(before) == 1
    assert found.text == TEXT.replace(before, after)
    assert found.get(path) == value


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (("spec", "min"), "  min: 2   # two\n", ""),
        (("spec", "query"), "  query: |-\n    sum(\n      a\n    )\n", ""),
        (("spec", "last"), "  last: 1   # the end\n", ""),
        (("spec", "flow", "a"), "{a: 1, 'b'", "{'b'"),
        (("spec", "flow", "b"), "{a: 1, 'b': [1, 2]}", "{a: 1}"),
        (("spec", "list", 1), "    - {type: Percent, value: 100}\n", ""),
        (("spec", "list", 0, "value"), "      value: 5\n", ""),
        (("spec", "nothing"), "", ""),
    ],
)
def test_an_entry_is_removed_with_its_lines(
    path: tuple[str | int, ...], before: str, after: str
) -> None:
    found = Document(TEXT).remove(path)
    assert found.text == TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a:\n  b: 1  # one\nc: 2\n", ("a", "b"), "a: {}\nc: 2\n"),
        ("a: {b: 1}\n", ("a", "b"), "a: {}\n"),
        ("a:\n- 1\nc: 2\n", ("a", 0), "a: []\nc: 2\n"),
    ],
)
def test_the_last_entry_leaves_an_empty_value(
    text: str, path: tuple[str | int, ...], after: str
) -> None:
    assert Document(text).remove(path).text == after


def test_lines_may_end_as_on_windows_and_the_last_one_not_at_all() -> None:
    assert Document("a: 1\r\nb: 2").set(("b",), 3).text == "a: 1\r\nb: 3"
    assert Document("a: 1\r\nb: 2\r\n").set(("a",), 3).text == "a: 3\r\nb: 2\r\n"
    assert Document("a: 1").set(("c",), 3).text == "a: 1\nc: 3"
    assert Document("---\n\ufeffa: 1\n...\n").set(("b",), 3).get(("b",)) == 3


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: &x {n: 1}\nb: *x  # the same\n", ("b", "n"), 2),
        ("a: &x\n  n: 1\nb: *x\n", ("a", "n"), 2),
        ("a: &x 1\nb: *x\n", ("b",), 2),
        ("- not\n", None, None),
        ("a: |\n  text\n", ("a",), "other\nlines\n"),
        ("a: [1]\n", ("a",), {"b": 1}),
        ("{a: {b: 1}}", ("a", "c"), "x: y"),
        ("? a\n: 1\n", ("a",), 2),
        ("base: &b {n: 1}\na:\n  <<: *b\n  m: 1\n", ("a", "n"), 5),
    ],
)
def test_what_has_no_place_of_its_own_is_written_anew(
    text: str, path: tuple[str, ...] | None, value: object
) -> None:
    if path is None:
        with pytest.raises(EditError):
            Document(text)
        return
    before = Document(text)
    after = before.set(path, value)
    assert after.get(path) == value
    *parents, name = path
    expected = yaml.safe_load(yaml.safe_dump(before.data, default_flow_style=False))
    inner = expected
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    assert yaml.safe_load(after.text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 documents"),
        ("a: 1\n---\nb: 1\n", "2 documents"),
        ("[1, 2]", "no mapping"),
        ("a: &a [*a]", "10,000 values"),
        (
            "a0: &a0 [1, 1]\n"
            + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
            "10,000 values",
        ),
        ("a: " + "9" * 5000, "cannot be kept"),
        ("[a]: 1\n? {b: c}\n: 2", "cannot be kept"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, problem: str) -> None:
    with pytest.raises(EditError, match=problem):
        Document(text)
