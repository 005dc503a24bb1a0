"""One request of a browser: its session, its forms, its flash messages and the page it gets."""
