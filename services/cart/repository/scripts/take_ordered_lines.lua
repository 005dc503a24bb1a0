-- Takes the lines of an order out of the cart, once per order.
--
-- KEYS[2] is set once the order's lines were taken.
-- ARGV: time to live of both keys, then SKU and quantity of each ordered line.

if not redis.call('SET', KEYS[2], 1, 'NX', 'PX', ARGV[1]) then
  return {'taken before', contents()}
end

local took_any = false
for i = 2, #ARGV, 2 do
  local sku, in_cart = ARGV[i], quantity_of(ARGV[i])
  local left = in_cart - tonumber(ARGV[i + 1])
  if left > 0 then
    redis.call('HSET', CART, sku, left)
  elseif in_cart > 0 then
    redis.call('HDEL', CART, sku)
  end
  took_any = took_any or in_cart > 0
end

if took_any then save_change(CART, TTL) end
return {'done', contents()}
