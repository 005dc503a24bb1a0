-- Removes all lines.
--
-- ARGV: time to live of the cart.

clear(CART, TTL)
return {'done', contents()}
