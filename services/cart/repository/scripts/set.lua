-- Sets the quantity of a line; 0 removes it.
--
-- ARGV: time to live of the cart, SKU, quantity.

local sku, quantity = ARGV[2], tonumber(ARGV[3])
local before = quantity_of(sku)

if quantity == before then return {'done', contents()} end
if before == 0 and not has_room() then return {'limit'} end

if quantity > 0 then
  save_change(CART, TTL, sku, quantity)
else
  redis.call('HDEL', CART, sku)
  save_change(CART, TTL)
end
return {'done', contents()}
