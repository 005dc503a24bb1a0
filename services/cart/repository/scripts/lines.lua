-- Shared by the scripts that go through all lines of a cart.

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

