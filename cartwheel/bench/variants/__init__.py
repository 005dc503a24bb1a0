"""The servers that the benches compare: one file for each, the same cart add in all of them.

`BENCH_VALKEY_URL` is the store, `BENCH_JWKS` the keys of access tokens, `BENCH_PRODUCTS` the SKUs
that exist. `cart_add.lua` changes the cart and returns it, as the cart service's own script does.
"""
