"""What delivery must show: `make bench` measures it, `make faults` tries to break it."""
