-- Shared by all scripts; Python puts it ahead of each of them, after the constants MAX_LINES,
-- MAX_QUANTITY and MAX_IDEMPOTENCY_KEYS of services/cart/models.py.
--
-- A cart is one hash: a field per SKU with its quantity, and the fields `version` and `updated_at`
-- (milliseconds). SKUs are upper case, so no SKU collides with those two.
-- KEYS[1] is the shopper's cart, ARGV[1] its time to live in milliseconds after a change.

local CART, TTL = KEYS[1], ARGV[1]

local function quantity_of(sku)
  return tonumber(redis.call('HGET', CART, sku) or 0)
end

-- Whether one more line fits.
local function has_room()
  local details = redis.call('HEXISTS', CART, 'version') * 2
  return redis.call('HLEN', CART) - details < MAX_LINES
end

-- Marks the cart as changed; more arguments are fields to set with it, each with its value.
local function save_change(cart, ttl, ...)
  local seconds, microseconds = unpack(redis.call('TIME'))
  local now = string.format('%d', seconds * 1000 + math.floor(microseconds / 1000))
  redis.call('HINCRBY', cart, 'version', 1)
  redis.call('HSET', cart, 'updated_at', now, ...)
  redis.call('PEXPIRE', cart, ttl)
end

local function contents()
  return redis.call('HGETALL', CART)
end
