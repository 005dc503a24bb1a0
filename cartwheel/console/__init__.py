"""The console: a page that shows the mesh live, turns the load, breaks the shop, says why."""
