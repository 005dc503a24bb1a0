-- ARGV: lifetime, lifetime of the guest's cart. KEYS[2] is that cart.
-- Answers the notices too: for each product that did not fit, SKU, requested, kept.

local notices = {}
local kept_any = false

for _, sku in ipairs(skus_in(KEYS[2])) do
  local before = quantity_of(sku)
  local requested = before + tonumber(redis.call('HGET', KEYS[2], sku))
  local kept = has_room_for(sku) and math.min(requested, MAX_QUANTITY) or 0
  if kept > before then
    redis.call('HSET', CART, sku, kept)
    kept_any = true
  end
  if kept < requested then table.insert(notices, {sku, requested, kept}) end
end

if kept_any then changed(CART, LIFETIME) end
empty(KEYS[2], ARGV[2])
return {'done', contents(), notices}
