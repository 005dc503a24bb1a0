-- ARGV: lifetime.

empty(CART, LIFETIME)
return {'done', contents()}
