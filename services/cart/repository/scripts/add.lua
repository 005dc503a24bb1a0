-- ARGV: lifetime, SKU, quantity, lifetime of the remembered answer.
-- KEYS[2], when there is one, remembers the answer to an Idempotency-Key.

local sku, quantity = ARGV[2], tonumber(ARGV[3])
local request = sku .. ' ' .. quantity

local remembered = KEYS[2] and redis.call('GET', KEYS[2])
if remembered then
  local answered = cjson.decode(remembered)
  if answered.request ~= request then return {'key reused'} end
  return {'replayed', answered.cart}
end

local total = quantity_of(sku) + quantity
if total > MAX_QUANTITY or not has_room_for(sku) then return {'limit'} end

redis.call('HSET', CART, sku, total)
changed(CART)
local cart = contents()
if KEYS[2] then
  redis.call('SET', KEYS[2], cjson.encode({request = request, cart = cart}), 'PX', ARGV[4])
end
return {'done', cart}
