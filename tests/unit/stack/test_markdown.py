"""Values of any kind stay within their cells."""

from stack.markdown import CELL_CHARACTERS, markdown_list, markdown_table


def test_no_value_breaks_out_of_its_cell():
    table = markdown_table(("a|b", "n"), [("two\nlines", None), ("|" * 100, 1)])
    header, rule, first, second = table.splitlines()
    assert (header, rule, first) == ("| a\\|b | n |", "| --- | --- |", "| two lines |  |")
    cell = second.removeprefix("| ").removesuffix(" | 1 |")
    assert cell == "\\|" * (CELL_CHARACTERS - 1) + "…", "an escape is never cut in half"


def test_a_list_of_nothing_says_so():
    assert markdown_list(["a", "b"], "none") == "- a\n- b"
    assert markdown_list([], "none") == "none"
