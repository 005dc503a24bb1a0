import pytest

from cartwheel.autoscaling.quantities import format_bytes, format_number, parse_quantity, rounded


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("2", 2000),
        ("250m", 250),
        ("0.25", 250),
        (".5", 500),
        ("5.", 5000),
        ("1k", 1_000_000),
        ("1e3", 1_000_000),
        ("1E3", 1_000_000),
        ("2E", 2 * 10**21),
        ("128Mi", 128 * 2**20 * 1000),
        ("1.5Gi", 3 * 2**29 * 1000),
        ("-250m", -250),
        ("+1", 1000),
        ("6262500m", 6_262_500),
    ],
)
def test_a_quantity_is_read_in_thousandths(text: str, thousandths: int) -> None:
    assert parse_quantity(text) == thousandths


def test_less_than_a_thousandth_is_rounded_up() -> None:
    assert parse_quantity("1n") == 1
    assert parse_quantity("1500u") == 2


@pytest.mark.parametrize("text", ["", "m", "1 ", "1mm", "1ki", "0x1", "1e", "١", "1e999999999"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [
        (5250, "5.25"),
        (31_200, "31.2"),
        (1_250_000, "1,250"),
        (0, "0"),
        (5, "0.005"),
        (-250, "-0.25"),
    ],
)
def test_a_number_is_shown_as_people_write_it(thousandths: int, text: str) -> None:
    assert format_number(thousandths) == text


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [
        (27_963, "28"),
        (44_830, "44.8"),
        (5254, "5.25"),
        (1_250_499, "1,250"),
        (45, "0.045"),
        (-5256, "-5.26"),
    ],
)
def test_three_digits_of_a_measured_number_are_enough(thousandths: int, text: str) -> None:
    assert format_number(rounded(thousandths)) == text


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [(512_000, "512 B"), (128 * 2**20 * 1000, "128 MiB"), (3 * 2**29 * 1000, "1.5 GiB")],
)
def test_bytes_are_shown_in_binary_units(thousandths: int, text: str) -> None:
    assert format_bytes(thousandths) == text
