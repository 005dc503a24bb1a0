"""What every page needs of HTTP: assets, cookies, forms, and the rules that keep them safe."""
