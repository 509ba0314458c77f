"""Resource types, one file per AWS service; `registry` gathers their `TYPES`."""
