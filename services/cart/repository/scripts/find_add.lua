-- KEYS[2] remembers the adds. ARGV: lifetime (unused), digest of the key, digest of the request.

return replay(KEYS[2], ARGV[2], ARGV[3]) or {'unknown'}
