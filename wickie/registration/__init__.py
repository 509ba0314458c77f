"""What Prefect must know of a stage, as data, and the one who tells it: without Prefect itself."""
