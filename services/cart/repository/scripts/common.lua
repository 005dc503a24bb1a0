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

local function has_room_for(sku)
  if redis.call('HEXISTS', CART, sku) == 1 then return true end
  local details = redis.call('HEXISTS', CART, 'version') * 2
  return redis.call('HLEN', CART) - details < MAX_LINES
end

local function save_change(cart, ttl)
  local seconds, microseconds = unpack(redis.call('TIME'))
  local now = string.format('%d', seconds * 1000 + math.floor(microseconds / 1000))
  redis.call('HINCRBY', cart, 'version', 1)
  redis.call('HSET', cart, 'updated_at', now)
  redis.call('PEXPIRE', cart, ttl)
end

local function skus_in(cart)
  local skus = {}
  for _, field in ipairs(redis.call('HKEYS', cart)) do
    if field ~= 'version' and field ~= 'updated_at' then table.insert(skus, field) end
  end
  table.sort(skus)
  return skus
end

local function clear(cart, ttl)
  local skus = skus_in(cart)
  if #skus == 0 then return end
  redis.call('HDEL', cart, unpack(skus))
  save_change(cart, ttl)
end

local function contents()
  return redis.call('HGETALL', CART)
end
