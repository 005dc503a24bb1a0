-- Sets the quantity of a line; 0 removes it.
--
-- ARGV: time to live of the cart, SKU, quantity.

local sku, quantity = ARGV[2], tonumber(ARGV[3])

if quantity == quantity_of(sku) then return {'done', contents()} end
if quantity > 0 and not has_room_for(sku) then return {'limit'} end

if quantity > 0 then
  redis.call('HSET', CART, sku, quantity)
else
  redis.call('HDEL', CART, sku)
end
save_change(CART, TTL)
return {'done', contents()}
