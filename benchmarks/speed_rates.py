"""Dense 16-bit rates of the GPUs that rows name, in operations per second, by their makers' tables.

NVIDIA: tensor units that accumulate in 16 bits, which is half of the 8-bit rate; GeForce cards halve it again to accumulate in 32 bits.
"""

APPLE_PER_CORE = {"M1": 0.327e12, "M2": 0.358e12, "M3": 0.353e12, "M4": 0.404e12}
APPLE_CORES = {"M1": 8, "M1 Max": 32, "M1 Ultra": 64, "M2 Ultra": 76, "M3 Max": 40, "M3 Pro": 18, "M4": 10, "M4 Max": 40, "M4 Pro": 20}
TERA = {
    "RTX 3060": 51, "RTX 3070": 81, "RTX 3080": 119, "RTX 3080 Ti": 136, "RTX 3090": 142, "RTX 3090 Ti": 160,
    "RTX 4070": 117, "RTX 4070 Super": 142, "RTX 4070 Ti": 160, "RTX 4080": 195, "RTX 4090": 330, "RTX 5080": 225, "RTX 5090": 419,
    "RTX PRO 6000": 503, "GB10": 125, "T4": 65, "A40": 150, "RTX A6000": 155, "L40S": 362, "RTX 4000 Ada": 107, "RTX 5000 Ada": 261,
    "RTX 6000 Ada": 364, "A100 PCIe 80GB": 312, "A100 SXM 80GB": 312, "H100 PCIe 80GB": 756, "H100 SXM 80GB": 989,
    "RX 6900 XT": 46, "RX 7900 XTX": 123,
}  # fmt: skip


def flops_of(gpu: str) -> float | None:
    """None where the rate is not listed. Apple: 128 lanes x 2 x clock per GPU core, cores as the row says or as the largest variant has."""
    words = gpu.removeprefix("Apple ").split()
    if words[0] in APPLE_PER_CORE:
        cores = next((int(word[:-1]) for word in words if word.endswith("c") and word[:-1].isdigit()), None)
        cores = cores or APPLE_CORES.get(" ".join(words))
        return cores * APPLE_PER_CORE[words[0]] if cores else None
    return TERA[gpu] * 1e12 if gpu in TERA else None
