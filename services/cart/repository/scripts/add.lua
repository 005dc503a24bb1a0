-- Adds to a line; with an idempotency key, only once.
--
-- ARGV: time to live of the cart, SKU, quantity.
-- KEYS[2] is the list of idempotency keys, if the request has one. ARGV then continues: digest of
-- the key, digest of the request, time to live of the list.

local sku, quantity = ARGV[2], tonumber(ARGV[3])
local keys, key_digest, request_digest = KEYS[2], ARGV[4], ARGV[5]

if keys then
  local replayed = replay(keys, key_digest, request_digest)
  if replayed then return replayed end
end

local before = quantity_of(sku)
local total = before + quantity
if total > MAX_QUANTITY or not (before > 0 or has_room()) then return {'limit'} end

save_change(CART, TTL, sku, total)
if keys then
  redis.call('LPUSH', keys, key_digest .. request_digest)
  redis.call('LTRIM', keys, 0, MAX_IDEMPOTENCY_KEYS - 1)
  redis.call('PEXPIRE', keys, ARGV[6])
end
return {'done', contents()}
