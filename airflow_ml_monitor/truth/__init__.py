"""Is a window ripe, and is it due? Pure: label coverage, horizons and what was measured, nothing read."""
