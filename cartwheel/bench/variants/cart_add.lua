-- Adds to a line of a cart and returns the whole cart, or nothing when it would exceed a limit.
--
-- A cart is one hash: a field per SKU with its quantity, and the fields `version` and `updated_at`.
-- KEYS[1]: the cart. ARGV: time to live in milliseconds, SKU, quantity.

local cart, ttl, sku, quantity = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local present = redis.call('HGET', cart, sku)
local total = tonumber(present or 0) + quantity
if total > 99 then return false end
if not present and redis.call('HLEN', cart) >= 102 then return false end

local seconds, microseconds = unpack(redis.call('TIME'))
local now = string.format('%d', seconds * 1000 + math.floor(microseconds / 1000))
redis.call('HSET', cart, sku, total, 'updated_at', now)
redis.call('HINCRBY', cart, 'version', 1)
redis.call('PEXPIRE', cart, ttl)
return redis.call('HGETALL', cart)
