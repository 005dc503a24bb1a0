-- The latest adds with an Idempotency-Key, newest first: digest of the key, digest of the request.

-- The reply to an add that is remembered, or nil.
local function replay(adds, key, request)
  for _, remembered in ipairs(redis.call('LRANGE', adds, 0, -1)) do
    if string.sub(remembered, 1, #key) == key then
      if remembered ~= key .. request then return {'key reused'} end
      return {'replayed', contents()}
    end
  end
end
