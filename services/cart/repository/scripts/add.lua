-- ARGV: lifetime, SKU, quantity.
-- KEYS[2], when there is one, remembers the adds with an Idempotency-Key; then ARGV goes on: digest
-- of the key, digest of the request, lifetime of the remembered adds.

local sku, quantity = ARGV[2], tonumber(ARGV[3])
local adds, key, request = KEYS[2], ARGV[4], ARGV[5]

if adds then
  local replayed = replay(adds, key, request)
  if replayed then return replayed end
end

local total = quantity_of(sku) + quantity
if total > MAX_QUANTITY or not has_room_for(sku) then return {'limit'} end

redis.call('HSET', CART, sku, total)
changed(CART, LIFETIME)
if adds then
  redis.call('LPUSH', adds, key .. request)
  redis.call('LTRIM', adds, 0, MAX_REMEMBERED - 1)
  redis.call('PEXPIRE', adds, ARGV[6])
end
return {'done', contents()}
