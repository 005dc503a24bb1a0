-- Shared by the scripts that read the list of idempotency keys. Its entries are the digest of a key
-- followed by the digest of its request, newest first.

-- The reply to a request whose key is in the list, or nil.
local function replay(keys, key_digest, request_digest)
  for _, entry in ipairs(redis.call('LRANGE', keys, 0, -1)) do
    if string.sub(entry, 1, #key_digest) == key_digest then
      if entry ~= key_digest .. request_digest then return {'key reused'} end
      return {'replayed', contents()}
    end
  end
end
