"""The library every service stands on. It knows no word of the shop."""
