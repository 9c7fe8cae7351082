"""Analytics' REST routes, a module for each kind of thing that has figures."""
