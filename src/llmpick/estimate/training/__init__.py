"""What training takes: FLOPs, GPU-hours, days, money, energy, carbon, and the memory of its states on each device."""
