"""What pages need of HTTP: assets, cookies, posted forms, security, and error pages."""
