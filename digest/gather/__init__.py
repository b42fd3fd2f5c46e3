"""Sources -> articles. `fetch` opens connections, everything else is pure."""
