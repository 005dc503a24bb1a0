"""The catalogue with prices and pictures, the stock, and reservations of it."""
