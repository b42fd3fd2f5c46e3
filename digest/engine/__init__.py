"""Where work runs: `inline` in this process."""
