"""The catalogue, its prices and pictures, the stock, and what is reserved of it."""
