"""Parameters and tokens as people write them: 6.7B, 1.4T, 190M."""

UNITS = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3))


def amount(value: float) -> str:
    """Three digits that count, with their unit; beyond 1,000 trillion as 1.4e15."""
    if value >= 999.5e12:
        return f"{value:.3g}".replace("e+", "e")
    for unit, size in UNITS:
        if value >= 0.9995 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def flops(value: float) -> str:
    """FLOPs and other counts too large for a unit: 5.76e23."""
    return f"{value:.3g}".replace("e+", "e")
