"""The typed records that everything else speaks in: facts, estimates, measurements, models, devices, tasks and calls. Pure."""
