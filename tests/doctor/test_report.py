"""What runs, in which order it is told, and what it looks like."""

import json
from collections.abc import Iterator

from cartwheel.doctor.check import Check, Examination, examine
from cartwheel.doctor.diagnosis import diagnose
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity, Unseen
from cartwheel.doctor.report import Area, Report
from cartwheel.errors import CommandError


def finding(about: str, **more: object) -> Finding:
    return Finding(about=about, problem="p", evidence="e", command="c", **more)  # type: ignore[arg-type]


def report(*examinations: Examination) -> Report:
    return Report([Area("here", examinations)])


def text(*examinations: Examination, width: int = 80) -> str:
    return "\n".join(str(line) for line in report(*examinations).lines(width))


def test_a_check_that_fails_stops_no_other() -> None:
    def breaks(_: None) -> Iterator[Outcome]:
        yield Healthy("half")
        raise ZeroDivisionError

    def runs(_: None) -> Iterator[Outcome]:
        yield Healthy("all")

    broken, sound = examine([Check("breaks", "", breaks), Check("runs", "", runs)], None)

    assert broken.healthy == ["half"]
    assert (broken.failure or "").startswith("ZeroDivisionError in test_report.py:")
    assert sound.healthy == ["all"]
    assert not report(broken).found_nothing
    assert "1 check that failed" in text(broken, sound)
    assert "The check breaks failed: ZeroDivisionError" in text(broken, sound)


def test_what_a_check_may_not_see_is_named_and_is_no_finding() -> None:
    def forbidden(_: None) -> Iterator[Outcome]:
        raise CommandError("no right to list nodes")
        yield Healthy("never")

    (examination,) = examine([Check("nodes", "", forbidden)], None)

    assert report(examination).found_nothing
    assert "  here, not seen: no right to list nodes." in text(examination)
    assert "    Not seen: no right to list nodes." in text(
        examination, Examination("pods", healthy=["2 pods"])
    )


def test_problems_come_before_risks_and_causes_before_consequences() -> None:
    diagnosis = diagnose(
        [
            Examination("limits", [finding("risk", severity=Severity.RISK)]),
            Examination("server", [finding("down")]),
            Examination("requests", [finding("deployment/a"), finding("deployment/b")]),
            Examination(
                "conditions",
                [
                    finding("hpa/b", follows_from=["requests deployment/b"]),
                    finding("hpa/c", follows_from=["server"]),
                    finding("hpa/d", follows_from=["requests deployment/d"]),
                ],
            ),
        ]
    )

    abouts = [each.finding.about for each in diagnosis]
    assert abouts == ["down", "deployment/a", "deployment/b", "hpa/d", "risk"]
    consequences = {
        each.finding.about: [one.finding.about for one in each.consequences] for each in diagnosis
    }
    assert consequences["down"] == ["hpa/c"]
    assert consequences["deployment/b"] == ["hpa/b"]


def test_a_risk_is_never_the_cause_of_a_problem() -> None:
    risk = finding("server", severity=Severity.RISK)
    later = finding("later", severity=Severity.RISK, follows_from=["server"])
    diagnosis = diagnose(
        [
            Examination("server", [risk]),
            Examination("chain", [finding("now", follows_from=["server"]), later]),
        ]
    )
    assert [each.finding.about for each in diagnosis] == ["now", "server"]
    assert [each.finding.about for each in diagnosis[1].consequences] == ["later"]


def test_a_consequence_is_itself_the_cause_of_what_follows_from_it() -> None:
    shown = text(
        Examination("nodes", [finding("node/a")]),
        Examination("pods", [finding("deployment/a", follows_from=["nodes node/a"])]),
        Examination("conditions", [finding("hpa/a", follows_from=["pods deployment/a"])]),
    )
    assert "    - deployment/a: p\n      - hpa/a: p" in shown
    assert "1 problem." in shown


def test_a_finding_says_what_how_it_is_known_and_what_mends_it() -> None:
    found = Finding(
        about="deployment/cart",
        problem="its container app has no cpu request",
        evidence="the template of its pods " * 4,
        command="kubectl set resources deployment/cart --requests cpu=100m " + "--flag " * 10,
    )
    lines = text(Examination("requests", [found])).splitlines()

    assert lines[0] == "✗ deployment/cart: its container app has no cpu request"
    assert lines[1].startswith("  How it knows: the template")
    commands = [line for line in lines if "kubectl" in line]
    assert commands == [f"    {found.command}"], "a command stays in one line, to be copied"
    assert all(len(line) <= 80 for line in lines if line not in commands)


def test_when_all_is_well_a_few_lines_say_what_was_looked_at() -> None:
    examinations = [Examination(f"c{number}", healthy=["something"]) for number in range(20)]

    lines = text(*examinations).splitlines()

    assert lines[0] == "Nothing is wrong. Looked at:"
    assert len(lines) < 7


def test_a_narrow_terminal_gets_narrow_lines() -> None:
    assert "✗ web: p" in text(Examination("pods", [finding("web")]), width=2)


def test_a_sentence_that_ends_with_a_question_mark_gets_no_full_stop() -> None:
    assert text(Examination("access", unseen=["is it the right port?"])).endswith("port?")


def test_json_has_the_findings_in_reading_order_with_their_causes() -> None:
    content = json.loads(
        report(
            Examination("server", [finding("down")], unseen=["nodes"]),
            Examination("conditions", [finding("hpa/c", follows_from=["server"])]),
        ).as_json()
    )

    assert content["found_nothing"] is False
    assert [(each["about"], each["follows_from"]) for each in content["findings"]] == [
        ("down", None),
        ("hpa/c", "server down"),
    ]
    assert content["areas"][0]["checks"][0]["unseen"] == ["nodes"]


def test_unseen_reasons_are_said_once() -> None:
    def twice(_: None) -> Iterator[Outcome]:
        yield Unseen("pods")
        yield Unseen("pods")

    (examination,) = examine([Check("twice", "", twice)], None)
    assert examination.unseen == ["pods"]
