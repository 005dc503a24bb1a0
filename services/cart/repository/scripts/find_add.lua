-- Replies as `add` does if an earlier add had the idempotency key, and changes nothing.
--
-- KEYS[2] is the list of idempotency keys.
-- ARGV: time to live of the cart (not used), digest of the key, digest of the request.

return replay(KEYS[2], ARGV[2], ARGV[3]) or {'unknown'}
