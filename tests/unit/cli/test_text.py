"""Values as people read them."""

from __future__ import annotations

import pytest

from caesura.cli import text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 m"),
        (192, "3 m 12 s"),
        (3600, "1 h"),
        (7_500, "2 h 5 m"),
        (90_000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_ages_show_their_two_largest_units(seconds: float, expected: str) -> None:
    assert text.age(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "-"), (9, "9 B"), (999, "999 B"), (1_200, "1.2 kB"), (18_000, "18 kB"), (999_600, "1.0 MB"), (3e8, "300 MB")],
)
def test_sizes_have_two_or_three_digits(count: float, expected: str) -> None:
    assert text.size(count) == expected


def test_the_cells_of_one_notebook_have_short_ids_that_differ() -> None:
    ids = [f"1f0c9a3e-00aa4e6d_4711_{number}" for number in (1, 2, 12)]
    assert list(text.short_ids(ids).values()) == ["1f0c9a3e_1", "1f0c9a3e_2", "1f0c9a3e_12"]


def test_short_ids_that_would_be_the_same_are_not_shortened() -> None:
    ids = ["1f0c9a3e-a_1_1", "1f0c9a3e-b_1_1", "2222222222222222"]
    assert list(text.short_ids(ids).values()) == [ids[0], ids[1], "222222222222"]


def test_code_is_cut_to_its_first_line() -> None:
    assert text.one_line("\n  x = 1\ny = 2\n") == "x = 1 …"
    assert text.one_line("x" * 60, 10) == "xxxxxxxxx…"
    assert text.one_line("x = 1") == "x = 1"
    assert text.one_line("") == ""


def test_columns_are_aligned() -> None:
    assert text.table(("A", "LONG"), [("xyz", 1), ("", "")]) == ["A    LONG", "xyz  1", ""]
