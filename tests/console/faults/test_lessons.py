"""The lessons are complete: what they name exists, and each can be had in a plain shop."""

from pathlib import Path

import pytest

from cartwheel.chaos.shop import Shop
from cartwheel.console.faults.lessons import FILE, Lesson, lessons, read_lessons
from cartwheel.console.faults.possibilities import FEATURED, LABELS, possibilities, problem_in
from cartwheel.errors import UsageError
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import SHOP, by_name

ROOT = Path(__file__).parents[3]
SERVICES = by_name(SHOP)
EDGES = {f"{spec.name}->{upstream}" for spec in SHOP for upstream in spec.upstreams}
EACH = pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.id)
STATE = StateFolder.at(Path("state"))
PLAIN = Shop(STATE, "http://127.0.0.1:1", "sqlite", is_own=False, has_chaos=False)
REAL = Shop(STATE, "http://127.0.0.1:1", "real", is_own=False, has_chaos=False)


@EACH
def test_a_lesson_names_code_that_exists(lesson: Lesson) -> None:
    for code in lesson.code:
        assert code.look_for in (ROOT / code.file).read_text()


@EACH
def test_a_lesson_says_to_watch_what_the_map_has(lesson: Lesson) -> None:
    watch = lesson.watch
    assert {*watch.services, *watch.stores} <= SERVICES.keys()
    assert {*watch.edges} <= EDGES | {"outside->storefront"}
    assert watch.services or watch.edges


@EACH
@pytest.mark.parametrize("shop", [PLAIN, REAL], ids=["sqlite", "real"])
def test_a_lesson_is_possible_without_a_flag_and_asks_what_must_hold(
    lesson: Lesson, shop: Shop
) -> None:
    fault = lesson.fault_for(shop.stores)
    assert problem_in(fault, shop) is None
    held = {hold.probe for hold in fault.holds}
    assert held & {*lesson.questions}


def test_there_are_six_to_eight_lessons() -> None:
    assert 6 <= len(lessons()) <= 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "questions: [home, cart-read]",
            "questions: [hom]",
            "0.questions.0: Input should be 'home'",
        ),
        ("title: The circuit breaker", "titel: The circuit breaker", "0.title: Field required"),
    ],
)
def test_the_lessons_are_read_strictly(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "lessons.yaml"
    file.write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        read_lessons(file)


@pytest.mark.parametrize("shop", [PLAIN, REAL], ids=["sqlite", "real"])
def test_six_faults_with_two_words_each_are_featured_and_possible_without_a_flag(
    shop: Shop,
) -> None:
    found = possibilities(shop)
    problems = {fault["id"]: fault["problem"] for fault in found["faults"]}
    assert len(found["featured"]) == 6
    for featured in found["featured"]:
        assert problems[featured["id"]] is None
        assert len(featured["label"].split()) == 2
    assert {id for ids in FEATURED.values() for id in ids} == LABELS.keys()


@pytest.mark.parametrize(
    ("shop", "fault", "remedy"),
    [
        (PLAIN, "valkey-killed", 'make up ARGS="--stores real"'),
        (PLAIN, "cart-loop-blocked", 'make up ARGS="--chaos"'),
        (PLAIN, "valkey-slow", 'make up ARGS="--stores real --chaos"'),
        (REAL, "cart-store-locked", 'make up ARGS="--stores sqlite"'),
        (PLAIN, "cart-killed", None),
        (None, "cart-killed", "make up"),
    ],
)
def test_what_is_not_possible_has_a_reason_and_the_command_that_allows_it(
    shop: Shop | None, fault: str, remedy: str | None
) -> None:
    found = next(one for one in possibilities(shop)["faults"] if one["id"] == fault)
    assert found["remedy"] == remedy
    assert bool(found["problem"]) == bool(remedy)
