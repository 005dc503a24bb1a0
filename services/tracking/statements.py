"""The SQL of orders, the same for SQLite and Postgres."""

from app.stores.statements import Statement

COLUMNS = """id, owner, status, step, version, reason, total_amount, currency, lines, address,
    shipment_status, sequence, created_at, due_at"""

INSERT_ORDER = Statement(
    """
    INSERT INTO orders (id, owner, idempotency_key, payload_hash, status, step, version,
        total_amount, currency, lines, address, shipment_status, sequence, created_at, due_at,
        cart_version, cart_updated_at, ordinal, number)
    VALUES (:id, :owner, :key, :payload_hash, :status, :step, :version,
        :total_amount, :currency, :lines, :address, :shipment_status, 0, :created_at, :due_at,
        :cart_version, :cart_updated_at, :ordinal, :number)
    ON CONFLICT DO NOTHING
    RETURNING id
    """
)
UPDATE_ORDER = Statement(
    """
    UPDATE orders SET status = :status, step = :step, reason = :reason,
        shipment_status = :shipment_status, sequence = :sequence, due_at = :due_at,
        version = version + 1,
        strikes = CASE WHEN step = :step AND sequence = :sequence THEN strikes ELSE 0 END,
        reply_status = COALESCE(reply_status, CAST(:reply_status AS INTEGER)),
        reply_body = COALESCE(reply_body, CAST(:reply_body AS TEXT))
    WHERE id = :id AND version = :version
    RETURNING id
    """
)
INSERT_EVENT = Statement(
    """
    INSERT INTO shipment_events (order_id, sequence, status, at)
    VALUES (:order_id, :sequence, :status, :at)
    """
)
INSERT_STEP = Statement(
    """
    INSERT INTO order_steps (order_id, version, step, event, at)
    VALUES (:order_id, :version, :step, :event, :at)
    """
)
KEEP_OUTCOME = Statement(
    """
    UPDATE orders SET reply_status = COALESCE(reply_status, CAST(:reply_status AS INTEGER)),
        reply_body = COALESCE(reply_body, CAST(:reply_body AS TEXT))
    WHERE id = :id
    RETURNING reply_status, reply_body
    """
)
SELECT_IDEMPOTENCY_RECORD = Statement(
    """
    SELECT id, payload_hash, reply_status, reply_body FROM orders
    WHERE owner = :owner AND idempotency_key = :key
    """
)
# One statement, so that it sees one moment.
SELECT_OWNERS_ORDERS = Statement(
    """
    SELECT latest.id, latest.status, latest.cart_version, latest.cart_updated_at, latest.ordinal,
        (SELECT MAX(number) FROM orders WHERE owner = :owner) AS last_number,
        EXISTS (
            SELECT 1 FROM orders WHERE owner = :owner AND step = 'cancel-take'
        ) AS take_may_come
    FROM (SELECT 1 AS one) AS always LEFT JOIN (
        SELECT id, status, cart_version, cart_updated_at, ordinal FROM orders
        WHERE owner = :owner AND status <> 'cancelled' AND ordinal IS NOT NULL
        ORDER BY ordinal DESC LIMIT 1
    ) AS latest ON 1 = 1
    """
)
SELECT_CONFLICTING_ORDER = Statement(
    """
    SELECT id FROM orders
    WHERE owner = :owner AND status <> 'cancelled' AND (ordinal = :ordinal
        OR cart_version = :cart_version AND cart_updated_at = :cart_updated_at)
    ORDER BY ordinal LIMIT 1
    """
)
SELECT_ORDER = Statement(f"SELECT {COLUMNS} FROM orders WHERE id = :id")
SELECT_FIRST_PAGE = Statement(
    f"""
    SELECT {COLUMNS} FROM orders WHERE owner = :owner
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)
SELECT_NEXT_PAGE = Statement(
    f"""
    SELECT {COLUMNS} FROM orders
    WHERE owner = :owner AND (created_at, id) < (CAST(:created_at AS BIGINT), :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)
SELECT_EVENTS = Statement(
    """
    SELECT order_id, sequence, status, at FROM shipment_events
    WHERE order_id IN :ids ORDER BY order_id, sequence
    """
)
SELECT_LATEST_SEQUENCES = Statement("SELECT id, sequence FROM orders WHERE id IN :ids")
# A newer version may have further steps. Its replicas work on the orders that are at one.
SELECT_DUE_CHECKOUTS = Statement(
    """
    SELECT id FROM orders
    WHERE step <> 'done' AND step IN :steps
        AND (due_at <= :now OR due_at > :latest) AND strikes < :max_failed_attempts
    ORDER BY due_at LIMIT :limit
    """
)
SELECT_DUE_SHIPMENTS = Statement(
    """
    SELECT id FROM orders
    WHERE status = 'confirmed' AND step = 'done' AND shipment_status <> 'delivered'
        AND (due_at <= :now OR due_at > :latest) AND strikes < :max_failed_attempts
    ORDER BY due_at LIMIT :limit
    """
)
COUNT_FAILED_ATTEMPT = Statement(
    "UPDATE orders SET strikes = strikes + 1, due_at = :due_at WHERE id = :id RETURNING strikes"
)
# A lease that expires later than any lease can was written by a clock that was wrong.
HOLD_LEASE = Statement(
    """
    INSERT INTO leases (name, holder, expires_at) VALUES (:name, :holder, :expires_at)
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leases.holder = excluded.holder OR leases.expires_at <= :now
        OR leases.expires_at > :latest
    RETURNING holder
    """
)
