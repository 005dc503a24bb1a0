-- ARGV: lifetime.

empty(CART)
return {'done', contents()}
