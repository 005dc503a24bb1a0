-- Moves the lines of a guest's cart into the shopper's.
--
-- KEYS[2] is the guest's cart. ARGV: time to live of the cart, and of the guest's.
-- Also returns the lines that did not fit: SKU, requested, kept.

local reduced = {}
local kept_any = false

for _, sku in ipairs(skus_in(KEYS[2])) do
  local before = quantity_of(sku)
  local requested = before + tonumber(redis.call('HGET', KEYS[2], sku))
  local fits = before > 0 or has_room()
  local kept = fits and math.min(requested, MAX_QUANTITY) or 0
  if kept > before then
    redis.call('HSET', CART, sku, kept)
    kept_any = true
  end
  if kept < requested then table.insert(reduced, {sku, requested, kept}) end
end

if kept_any then save_change(CART, TTL) end
clear(KEYS[2], ARGV[2])
return {'done', contents(), reduced}
