"""Answers of an API: which are pages of a list, and which only look like it."""

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.sources.pages import Pages


def pages(selector=None, key=("id",), *, whole=False, counted=True, total_path=None) -> Pages:
    return Pages(selector, key, whole=whole, counted=counted, total_path=total_path)


def rows(*ids: int) -> list[dict]:
    return [{"id": number} for number in ids]


@pytest.mark.parametrize(
    ("content", "selector"),
    [
        (rows(1, 2), None),
        ([], None),
        (None, None),
        ({"data": rows(1), "included": rows(9), "links": {"next": None}}, None),
        ({"items": rows(1), "has_more": False, "next": None, "total": 1, "limit": 100}, None),
        ({"customers": rows(1), "currency": "EUR"}, None),
        ({"customers": rows(1), "errors": []}, None),
        ({"id": 1, "name": "me"}, None),
        ({"id": "req-7", "data": rows(1)}, None),
        ({"results": []}, "results"),
        ({"results": None}, "results"),
        ({"kind": "list", "etag": "x"}, "items"),  # Google's APIs leave out a list without rows
        ({"error": None, "results": rows(1)}, "results"),
        ({"id": 1, "error": "of this row"}, None),
        ({"a": {"id": 1}, "b": {"id": 2}}, "$.*"),
        ({}, "$.*"),
    ],
)
def test_a_page_is_taken_as_it_is(content, selector):
    found = pages(selector)
    assert found.take(content) == ([] if content is None else content)
    found.require_end()


@pytest.mark.parametrize(
    ("content", "selector", "told"),
    [
        ("maintenance", None, "no list of rows, but 'maintenance'"),
        ({"error": "invalid token"}, None, "is an error: 'invalid token'"),
        ({"errors": [{"message": "denied"}]}, None, "is an error"),
        ({"status": 500, "message": "internal"}, None, "is an error: 'internal'"),
        ({"data": rows(1), "errors": [{"message": "half of it"}]}, None, "is an error"),
        ({"items": rows(1)}, "results", "no results, the data_selector; its lists are items"),
        ({"results": "soon"}, "results", "data_selector results is no list of rows, but 'soon'"),
        ({"errors": [], "customers": rows(1)}, None, "declare data_selector as customers"),
        ({"included": rows(1), "customers": rows(2)}, None, "included or customers"),
        ({"id": 1, "tags": rows(5, 6)}, None, r"tags, or \$ for the answer as one row"),
        ({"id": 1, "items": rows(5)}, None, r"items, or \$ for the answer as one row"),
        ({"a1": {"id": 1}, "b2": {"id": 2}}, None, "a record under each of its names"),
    ],
)
def test_an_answer_that_is_no_page_or_may_be_several_is_refused(content, selector, told):
    with pytest.raises(UnreadableFileError, match=told):
        pages(selector).take(content)


def test_an_object_with_lists_and_no_declared_key_may_be_a_row():
    with pytest.raises(UnreadableFileError, match="emails, or "):
        pages(key=()).take({"name": "me", "company": "x", "emails": [{"at": "a@b"}]})


def test_a_later_answer_without_the_list_is_no_empty_page_if_it_has_another():
    found = pages()
    found.take({"items": rows(1), "next": "/2"})
    with pytest.raises(UnreadableFileError, match="no items, the list of the first answer"):
        found.take({"invoices": rows(2)})


@pytest.mark.parametrize("again", [1, 2])
def test_a_page_that_comes_again_is_refused(again):
    found = pages()
    found.take(rows(1, 2))
    found.take(rows(3, 4))
    with pytest.raises(UnreadableFileError, match="answer 3 has the same rows as one before"):
        found.take(rows(1, 2) if again == 1 else rows(3, 4))


def test_pages_that_overlap_or_have_equal_rows_without_a_key_are_read():
    found = pages()
    found.take(rows(1, 2))
    found.take(rows(2, 3))
    without = pages(key=())
    without.take([{"n": 1}])
    without.take([{"n": 1}])


@pytest.mark.parametrize(
    "beside",
    [
        {"has_more": True},
        {"pagination": {"hasMore": True}},
        {"meta": {"next_page": 2}},
        {"@odata.nextLink": "https://x/2"},
        {"total": 5, "limit": 2},
        {"total_pages": 3},
    ],
)
def test_the_last_answer_must_not_say_that_there_are_more(beside):
    found = pages()
    found.take({"items": rows(1, 2), **beside})
    with pytest.raises(UnreadableFileError, match=r"says that there are more, in .* single_page"):
        found.require_end()
    declared = pages(whole=True)
    declared.take({"items": rows(1, 2), **beside})
    declared.require_end()


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        ({"X-Total-Pages": "3"}, True),
        ({"X-WP-Total-Pages": "1", "X-WP-Total": "2"}, False),
        ({"X-Next-Page": "2"}, True),
        ({"X-Next-Page": "", "X-Has-More": "false", "X-Request-Id": "7"}, False),
        ({"X-Total-Count": "120"}, True),
        ({"Content-Range": "items 0-1/319"}, True),
        ({"Content-Range": "0-1/2"}, False),
    ],
)
def test_headers_may_say_that_there_are_more(headers, more):
    found = pages()
    found.take(rows(1, 2), headers)
    if more:
        with pytest.raises(UnreadableFileError, match="says that there are more"):
            found.require_end()
    else:
        found.require_end()


def test_with_parameters_a_total_may_be_that_of_more_rows():
    found = pages(counted=False)
    found.take({"items": rows(1), "total_count": 500})
    found.require_end()


def test_an_empty_page_amid_others_is_not_taken_for_the_last():
    found = pages("items", counted=False, total_path="pages")
    found.take({"items": rows(1, 2), "pages": 3})
    found.take({"items": [], "pages": 3})
    with pytest.raises(UnreadableFileError, match="stop_after_empty_page: false"):
        found.require_end()


def test_rows_counted_where_dlt_expects_pages_are_all():
    found = pages("items", counted=False, total_path="total")
    found.take({"items": rows(1, 2, 3), "total": 3})
    found.take({"items": [], "total": 3})
    found.require_end()


def test_an_empty_link_is_none():
    taken = pages().take({"items": rows(1), "links": {"next": ""}, "note": ""})
    assert taken == {"items": rows(1), "links": {"next": None}, "note": ""}
