"""The repositories, over each store."""

import asyncio

import pytest

from app.stores.database import Database
from app.stores.statements import Statement
from services.user.keys.signing_keys import SigningKey, SigningKeys
from services.user.maintenance import BATCH_SIZE, delete_expired
from services.user.models import Account, Rotation, Session
from services.user.repository import (
    AccountRepository,
    Bucket,
    EmailTaken,
    RateLimit,
    RateLimitRepository,
    SessionRepository,
    SigningKeyRepository,
)
from services.user.repository.sessions import MAX_SESSIONS

NOW = 1_700_000_000_000
HOUR = 60 * 60 * 1000
DAY = 24 * HOUR


def account(number: int = 1, *, email: str = "ann@example.com", staff: bool = False) -> Account:
    return Account(f"user_{number}", email, "Ann", "hash", staff, NOW)


def session(number: int = 1, *, subject: str = "user_1") -> Session:
    return Session(f"ses_{number}", subject, "first", NOW, NOW + 30 * DAY)


async def exchange(
    sessions: SessionRepository, token_hash: str, next_hash: str, *, now: int = NOW
) -> Rotation:
    return await sessions.rotate(
        "ses_1",
        token_hash=token_hash,
        next_hash=next_hash,
        now=now,
        expires_at=now + 30 * DAY,
        max_age=180 * DAY,
        reuse_grace=5000,
    )


async def test_an_account_is_found_by_its_email(database: Database) -> None:
    accounts = AccountRepository(database)
    await accounts.add(account())

    assert await accounts.by_email("ann@example.com") == account()
    assert await accounts.by_email("bob@example.com") is None


async def test_of_parallel_registrations_of_one_email_one_succeeds(database: Database) -> None:
    accounts = AccountRepository(database)
    attempts = [accounts.add(account(number)) for number in range(8)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 7


async def test_a_change_touches_only_what_it_names(database: Database) -> None:
    accounts = AccountRepository(database)
    await accounts.add(account())
    changed = await accounts.change(
        account(), session_id="ses_1", email=None, name="Ann B.", password_hash=None
    )

    assert changed is not None
    assert (changed.email, changed.name, changed.password_hash) == (
        "ann@example.com",
        "Ann B.",
        "hash",
    )


async def test_a_change_to_a_taken_email_is_refused(database: Database) -> None:
    accounts = AccountRepository(database)
    await accounts.add(account(1))
    await accounts.add(account(2, email="bob@example.com"))

    with pytest.raises(EmailTaken):
        await accounts.change(
            account(1), session_id="", email="bob@example.com", name=None, password_hash=None
        )
    assert await accounts.by_email("ann@example.com") == account(1)


async def test_of_two_password_changes_based_on_one_password_the_first_counts(
    database: Database,
) -> None:
    accounts = AccountRepository(database)
    await accounts.add(account())
    changes = [
        await accounts.change(
            account(), session_id="", email=None, name=None, password_hash=password_hash
        )
        for password_hash in ("second", "third")
    ]

    assert changes[0] is not None
    assert changes[1] is None


async def test_a_new_password_ends_all_sessions_but_the_one_it_came_from(
    database: Database,
) -> None:
    accounts, sessions = AccountRepository(database), SessionRepository(database)
    await accounts.add(account())
    for number in (1, 2):
        await sessions.open(session(number))
    await accounts.change(account(), session_id="ses_2", email=None, name=None, password_hash="new")

    assert await accounts.by_session("user_1", "ses_1", now=NOW) is None
    assert await accounts.by_session("user_1", "ses_2", now=NOW) is not None


async def test_an_emptied_account_is_gone_and_its_email_free_again(database: Database) -> None:
    accounts, sessions = AccountRepository(database), SessionRepository(database)
    await accounts.add(account())
    await sessions.open(session())
    await accounts.anonymise("user_1", now=NOW)

    assert await accounts.by_email("ann@example.com") is None
    assert await accounts.by_session("user_1", "ses_1", now=NOW) is None
    assert (await exchange(sessions, "first", "second")).outcome == "unknown"
    await accounts.add(account(2))


async def test_an_account_is_not_read_through_a_session_of_somebody_else_or_one_that_is_over(
    database: Database,
) -> None:
    accounts, sessions = AccountRepository(database), SessionRepository(database)
    await accounts.add(account())
    await sessions.open(session(1))
    await sessions.open(session(2, subject="user_2"))

    assert await accounts.by_session("user_1", "ses_1", now=NOW) == account()
    assert await accounts.by_session("user_1", "ses_2", now=NOW) is None
    assert await accounts.by_session("user_1", "ses_1", now=NOW + 31 * DAY) is None


async def test_appointing_staff_replaces_the_password_and_ends_the_sessions(
    database: Database,
) -> None:
    accounts, sessions = AccountRepository(database), SessionRepository(database)
    await accounts.add(account())
    await sessions.open(session())
    await accounts.make_staff("ann@example.com", "of the operator")

    appointed = await accounts.by_email("ann@example.com")
    assert appointed is not None
    assert appointed.roles == ["user", "staff"]
    assert appointed.password_hash == "of the operator"
    assert await accounts.by_session("user_1", "ses_1", now=NOW) is None


@pytest.mark.parametrize(
    ("staff", "roles"), [(False, ("user",)), (True, ("user", "staff"))], ids=["user", "staff"]
)
async def test_an_exchange_tells_the_roles_the_account_has_now(
    database: Database, staff: bool, roles: tuple[str, ...]
) -> None:
    await AccountRepository(database).add(account(staff=staff))
    sessions = SessionRepository(database)
    await sessions.open(session())

    rotation = await exchange(sessions, "first", "second")
    assert (rotation.outcome, rotation.subject, rotation.roles) == ("rotated", "user_1", roles)


async def test_of_twenty_exchanges_of_one_token_one_succeeds_and_the_session_goes_on(
    database: Database,
) -> None:
    sessions = SessionRepository(database)
    await sessions.open(session(subject="guest_1"))
    rotations = await asyncio.gather(
        *(exchange(sessions, "first", f"next {number}") for number in range(20))
    )

    outcomes = [rotation.outcome for rotation in rotations]
    winner = outcomes.index("rotated")
    assert sorted(outcomes) == ["replaced"] * 19 + ["rotated"]
    assert (await exchange(sessions, f"next {winner}", "later")).outcome == "rotated"


async def test_a_token_that_comes_back_after_the_grace_ends_the_session(
    database: Database,
) -> None:
    sessions = SessionRepository(database)
    await sessions.open(session(subject="guest_1"))
    await exchange(sessions, "first", "second")

    assert (await exchange(sessions, "first", "stolen", now=NOW + 5001)).outcome == "reused"
    assert (await exchange(sessions, "second", "third")).outcome == "unknown"


async def test_a_token_from_before_the_last_exchange_has_no_grace(database: Database) -> None:
    sessions = SessionRepository(database)
    await sessions.open(session(subject="guest_1"))
    await exchange(sessions, "first", "second")
    await exchange(sessions, "second", "third")

    assert (await exchange(sessions, "first", "stolen")).outcome == "reused"


async def test_a_session_lasts_while_it_is_used_but_not_for_ever(database: Database) -> None:
    sessions = SessionRepository(database)
    await sessions.open(session(subject="guest_1"))
    token_hash = "first"
    for day in range(25, 176, 25):
        rotation = await exchange(sessions, token_hash, f"of day {day}", now=NOW + day * DAY)
        assert rotation.outcome == "rotated"
        token_hash = f"of day {day}"

    late = await exchange(sessions, token_hash, "too late", now=NOW + 181 * DAY)
    assert late.outcome == "unknown"


async def test_purging_takes_what_is_over_in_batches_and_leaves_the_rest(
    database: Database,
) -> None:
    sessions = SessionRepository(database)
    for number in (1, 2, 3):
        await sessions.open(session(number, subject="guest_1"))
    assert await sessions.delete_expired(now=NOW, limit=10) == 0
    assert await sessions.delete_expired(now=NOW + 31 * DAY, limit=2) == 2
    assert await sessions.delete_expired(now=NOW + 31 * DAY, limit=2) == 1


async def test_of_too_many_sessions_the_one_that_was_not_used_for_longest_ends(
    database: Database,
) -> None:
    sessions = SessionRepository(database)
    for number in range(1, MAX_SESSIONS + 1):
        await sessions.open(session(number))
    await sessions.open(session(1001, subject="user_2"))
    await exchange(sessions, "first", "second", now=NOW + HOUR)

    await sessions.open(session(MAX_SESSIONS + 1))

    async with database.reading("ids") as connection:
        rows = await connection.rows(Statement("SELECT id, subject FROM sessions"))
        kept = {row["id"] for row in rows if row["subject"] == "user_1"}
    assert len(kept) == MAX_SESSIONS
    # The first one was used an hour later than all the others.
    assert {"ses_1", f"ses_{MAX_SESSIONS + 1}"} <= kept


async def test_a_bucket_lets_its_attempts_through_and_then_one_each_interval(
    database: Database,
) -> None:
    rate_limits = RateLimitRepository(database)
    bucket = [Bucket("key", RateLimit(5))]

    assert [await rate_limits.consume(bucket, now=NOW) for _ in range(6)] == [0] * 5 + [12_000]
    assert await rate_limits.consume(bucket, now=NOW + 11_999) == 1
    assert await rate_limits.consume(bucket, now=NOW + 12_000) == 0
    assert await rate_limits.consume(bucket, now=NOW + 12_000) == 12_000


async def test_parallel_attempts_do_not_pass_a_bucket_together(database: Database) -> None:
    rate_limits = RateLimitRepository(database)
    waits = await asyncio.gather(
        *(rate_limits.consume([Bucket("key", RateLimit(5))], now=NOW) for _ in range(30))
    )
    assert waits.count(0) == 5


async def test_a_bucket_that_a_wrong_clock_emptied_locks_nobody_out(database: Database) -> None:
    rate_limits = RateLimitRepository(database)
    bucket = [Bucket("key", RateLimit(5))]
    for _ in range(5):
        await rate_limits.consume(bucket, now=NOW + 600_000)
    assert [await rate_limits.consume(bucket, now=NOW) for _ in range(6)] == [0] * 5 + [12_000]


async def test_a_bucket_that_a_clock_a_moment_ahead_emptied_is_empty(database: Database) -> None:
    rate_limits = RateLimitRepository(database)
    bucket = [Bucket("key", RateLimit(5))]
    for _ in range(5):
        await rate_limits.consume(bucket, now=NOW + 200)
    assert await rate_limits.consume(bucket, now=NOW) == 12_200


async def test_an_attempt_that_is_given_back_can_be_spent_again(database: Database) -> None:
    rate_limits = RateLimitRepository(database)
    bucket = [Bucket("key", RateLimit(1))]
    await rate_limits.consume(bucket, now=NOW)
    await rate_limits.refund(bucket)

    assert await rate_limits.consume(bucket, now=NOW) == 0


async def test_a_client_is_known_until_its_time_is_over(database: Database) -> None:
    rate_limits = RateLimitRepository(database)
    await rate_limits.remember_client("client", until=NOW + HOUR)
    await rate_limits.remember_client("client", until=NOW + DAY)

    assert await rate_limits.is_known_client("client", now=NOW + HOUR)
    assert not await rate_limits.is_known_client("client", now=NOW + DAY)
    assert not await rate_limits.is_known_client("stranger", now=NOW)
    assert await rate_limits.delete_expired(now=NOW + DAY, limit=10) == 1


async def test_tidying_up_leaves_nothing_behind_however_much_there_is(database: Database) -> None:
    rows = [{"key": f"key-{number}", "clear_at": NOW} for number in range(2 * BATCH_SIZE + 1)]
    insert = Statement("INSERT INTO attempts (key, clear_at) VALUES (:key, :clear_at)")
    async with database.transaction("prepare") as connection:
        await connection.execute_each(insert, rows)

    await delete_expired(
        SessionRepository(database), RateLimitRepository(database), clock=lambda: NOW + DAY
    )

    async with database.reading("count") as connection:
        assert await connection.scalar(Statement("SELECT COUNT(*) FROM attempts")) == 0


async def test_replicas_that_start_together_agree_on_one_key(database: Database) -> None:
    replicas = [SigningKeys(SigningKeyRepository(database), clock=lambda: NOW) for _ in range(8)]
    keys = await asyncio.gather(*(keys.signing_key() for keys in replicas))

    assert len({key.key_id for key in keys}) == 1
    assert len(await SigningKeyRepository(database).all()) == 1


async def test_a_key_comes_back_from_the_store_as_it_was(database: Database) -> None:
    keys = SigningKeyRepository(database)
    key = SigningKey.generate(1, signs_from=NOW)
    await keys.add(key.stored())

    loaded = [SigningKey.load(stored) for stored in await keys.all()]
    assert [one.public_jwk() for one in loaded] == [key.public_jwk()]
    await keys.remove(key.key_id)
    assert await keys.all() == []
