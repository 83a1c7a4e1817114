"""JSON Patch and merge patch: the examples of their RFCs, and their bounds."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.json_patch import PatchError, PatchTestFailed, json_patch, merge_patch, same

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "operations", "after"),
    [  # RFC 6902, appendix A
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        ({"a": {"x": 1}, "b": {}}, [{"op": "move", "from": "/a/x", "path": "/b/y"}], {"a": {}, "b": {"y": 1}}),
        ({"a": ["x", "y", "z"]}, [{"op": "move", "from": "/a/1", "path": "/a/2"}], {"a": ["x", "z", "y"]}),
        ({"a": {"x": [1]}}, [{"op": "copy", "from": "/a/x", "path": "/a/y"}], {"a": {"x": [1], "y": [1]}}),
        ({"foo": ["a", 2]}, [{"op": "test", "path": "/foo/1", "value": 2.0}], {"foo": ["a", 2]}),
        ({}, [{"op": "add", "path": "/child", "value": {"x": {}}, "more": 1}], {"child": {"x": {}}}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ],
)
def test_e3_json_patch_does_what_its_rfc_shows(before: Any, operations: list[Any], after: Any) -> None:
    untouched = copy.deepcopy(before)
    assert json_patch(before, operations) == after
    assert before == untouched


@pytest.mark.parametrize(
    "operations",
    [
        {},
        [5],
        [{"op": "add"}],
        [{"op": "add", "path": "/a"}],
        [{"op": "remove", "path": ""}],
        [{"op": "remove", "path": "/none"}],
        [{"op": "replace", "path": "/none/x", "value": 1}],
        [{"op": "add", "path": "/a/b/c", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": "/list/01", "value": 1}],
        [{"op": "add", "path": "/list/3", "value": 1}],
        [{"op": "remove", "path": "/list/2"}],
        [{"op": "move", "from": "/a", "path": "/a/b"}],
        [{"op": "shout", "path": "/a"}],
        [{"op": "add", "path": "/" + "/".join("a" * 40), "value": 1}],
    ],
)
def test_e3_a_patch_that_does_not_fit_is_an_error_and_changes_nothing(operations: Any) -> None:
    document = {"a": {}, "list": [1, 2]}
    with pytest.raises(PatchError):
        json_patch(document, operations)
    assert document == {"a": {}, "list": [1, 2]}


def test_e3_a_failed_test_is_told_apart_and_true_is_not_one() -> None:
    with pytest.raises(PatchTestFailed, match="Operation 1"):
        json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": True}])


def test_copying_what_was_copied_does_not_eat_the_memory() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{n}"} for n in range(200)]
    with pytest.raises(PatchError, match="copies more than"):
        json_patch({"a": "x" * 1_000}, doubling)


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_e3_merge_patch_does_what_its_rfc_shows(before: Any, patch: Any, after: Any) -> None:
    assert merge_patch(before, patch) == after


@given(VALUES, VALUES)
def test_replacing_the_whole_document_gives_just_that(before: Any, after: Any) -> None:
    assert same(json_patch(before, [{"op": "replace", "path": "", "value": after}]), after)


@given(
    VALUES,
    st.lists(
        st.fixed_dictionaries(
            {
                "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
                "path": st.text("/ab~01-", max_size=6),
                "from": st.text("/ab~01-", max_size=6),
                "value": VALUES,
            }
        ),
        max_size=4,
    ),
)
def test_whatever_the_operations_the_only_error_is_a_patch_error(before: Any, operations: list[Any]) -> None:
    with suppress(PatchError):
        json_patch(before, operations)
