"""`sessions`: a session works from its login until its logout, and no longer.

A token stands for one pair of tokens of a session. `login` and `refresh` issue a new one, and a
refresh replaces the one that it was given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.consistency.checks.words import described
from cartwheel.consistency.indexed_history import IndexedHistory
from cartwheel.consistency.report import CheckResult, Finding
from loadtest.history import Operation, Outcome

NAME = "sessions"
SESSION_OVER = "session-over"
LOG_IN_REFUSED = "log-in-refused"
"""The problem of a login to an account that there is not, or with another password."""


@dataclass
class _Session:
    """The tokens that followed one login, and what was done with them."""

    tokens: list[str]
    operations: list[Operation] = field(default_factory=list)

    def calls(self, call: str, outcome: Outcome) -> list[Operation]:
        return [each for each in self.operations if (each.call, each.outcome) == (call, outcome)]


def check_sessions(history: IndexedHistory) -> CheckResult:
    result = CheckResult(NAME)
    for name, operations in history.objects("session").items():
        sessions = _sessions(operations)
        findings = [
            *_unknown_tokens(name, operations, sessions),
            *_lost_account(name, operations),
            *(
                finding
                for session in {id(each): each for each in sessions.values()}.values()
                for finding in _findings(name, session)
            ),
        ]
        result.findings.extend(findings)
        result.passed += not findings
    return result


def _sessions(operations: Sequence[Operation]) -> Mapping[str, _Session]:
    """The session of every token that was issued, in the order of the responses."""
    sessions: dict[str, _Session] = {}
    for operation in sorted(operations, key=lambda each: each.returned_at):
        issued = operation.output.get("token") if operation.outcome is Outcome.OK else None
        if operation.call == "login" and issued is not None:
            sessions[issued] = _Session([issued])
        given = sessions.get(operation.input.get("token", ""))
        if given is not None:
            given.operations.append(operation)
            if operation.call == "refresh" and issued is not None and issued not in sessions:
                given.tokens.append(issued)
                sessions[issued] = given
    return sessions


def _unknown_tokens(
    name: str, operations: Sequence[Operation], sessions: Mapping[str, _Session]
) -> Iterator[Finding]:
    for operation in operations:
        given = operation.input.get("token")
        if operation.outcome is Outcome.OK and given is not None and given not in sessions:
            sentence = f"{described(operation)} was accepted with a token that nobody was given."
            yield Finding(NAME, name, sentence, [operation])


def _lost_account(name: str, operations: Sequence[Operation]) -> Iterator[Finding]:
    """Who has logged in once can do so again: nobody changes a password or deletes an account."""
    logins = [each for each in operations if each.call == "login"]
    accepted = [each for each in logins if each.outcome is Outcome.OK]
    first = min(accepted, key=lambda each: each.returned_at, default=None)
    for login in logins:
        is_refused = login.output.get("problem") == LOG_IN_REFUSED
        if first is not None and is_refused and login.called_at > first.returned_at:
            sentence = f"{described(login)} was refused after {described(first)}."
            yield Finding(NAME, name, sentence, [first, login])
            return


def _findings(name: str, session: _Session) -> Iterator[Finding]:
    yield from _used_after_logout(name, session)
    yield from _refreshed_twice(name, session)
    yield from _ended_early(name, session)


def _used_after_logout(name: str, session: _Session) -> Iterator[Finding]:
    logouts = session.calls("logout", Outcome.OK)
    if not logouts:
        return
    logout = min(logouts, key=lambda each: each.returned_at)
    for operation in session.operations:
        is_later = operation.called_at > logout.returned_at
        if is_later and operation.outcome is Outcome.OK and operation.call in ("use", "refresh"):
            sentence = f"{described(operation)} was accepted after {described(logout)}."
            yield Finding(NAME, name, sentence, [logout, operation])
            return


def _refreshed_twice(name: str, session: _Session) -> Iterator[Finding]:
    first: dict[str, Operation] = {}
    for operation in session.calls("refresh", Outcome.OK):
        given = operation.input["token"]
        earlier = first.setdefault(given, operation)
        if earlier is not operation:
            sentence = f"The token {given} of {name} was exchanged twice."
            yield Finding(NAME, name, sentence, [earlier, operation])
            return


def _ended_early(name: str, session: _Session) -> Iterator[Finding]:
    """A session ends by a logout or by a token that is used again, and by nothing else."""
    for operation in session.operations:
        is_over = (
            operation.outcome is Outcome.REFUSED and operation.output.get("problem") == SESSION_OVER
        )
        if is_over and not _may_have_ended(session, before=operation):
            sentence = f"{described(operation)}: the session was over, but nobody had ended it."
            yield Finding(NAME, name, sentence, [operation])
            return


def _may_have_ended(session: _Session, *, before: Operation) -> bool:
    refreshed: set[str] = set()
    for operation in session.operations:
        if operation.called_at >= before.returned_at:
            continue
        if operation.call == "logout" and operation.outcome is not Outcome.REFUSED:
            return True
        if operation.call == "refresh":
            given = operation.input["token"]
            if given in refreshed:
                return True
            refreshed.add(given)
    return False
