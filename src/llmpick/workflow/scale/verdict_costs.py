"""Money, GPU-hours and FLOPs of `scale verdict`, one from the other, on the MFU of finished trainings and the rent of a device."""

from dataclasses import dataclass
from datetime import date

from llmpick.catalog.devices import KnownDevice, device_named
from llmpick.catalog.training import load_whole_runs, same_family
from llmpick.decide.training_verdict import Cost, Span
from llmpick.estimate.training.budget import SECONDS_PER_HOUR, Cluster, Range, Work, budget, exactly, times
from llmpick.estimate.training.utilization import MfuEvidence, mfu_of_runs
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source, Unknown


@dataclass(frozen=True, slots=True)
class Prices:
    """`cluster` is one device with its MFU and rent; `most_spent` the FLOPs of the largest finished training that was known."""

    device: str
    cluster: Cluster
    most_spent: float
    largest: str
    sources: tuple[Source, ...]
    known: KnownDevice
    borrowed: MfuEvidence | None
    """The MFU, where it is that of trainings on other devices."""

    @property
    def flops_per_hour(self) -> Range:
        return times(self.cluster.mfu, exactly(self.cluster.peak_flops * SECONDS_PER_HOUR))

    def hours_for(self, money: float) -> Range:
        """Raises `InputError` where nobody says what an hour costs, or where it costs nothing."""
        rent = self.cluster.dollars_per_hour
        if rent is None:
            raise InputError(
                f"what an hour of {self.device} costs is not known", where="--money", remedy="add --price, or give --gpu-hours"
            )
        if rent.low <= 0:
            raise InputError("what costs nothing has no end for money", where="--price 0", remedy="give --gpu-hours instead of --money")
        return Range(money / rent.value, money / rent.high, money / rent.low)

    def cost(self, params: float, tokens: float) -> Cost:
        """Of training `params` active parameters on `tokens`, all weights moving."""
        lines = {line.name: line for line in budget(Work(params, tokens), self.cluster)}
        hours, money = lines["gpu_hours"].amount, lines["money"].amount
        assert isinstance(hours, Range)
        formula = f"6 x {params:.4g} x {tokens:.4g} = {lines['gpu_hours'].formula}".replace("e+", "e")
        return Cost(6.0 * params * tokens, Span(*hours), money if isinstance(money, Unknown) else Span(*money), formula)


def prices_on(device_name: str, *, mfu: float | None, price: float | None, as_of: date | None) -> Prices:
    """Raises `InputError` for a device that is not known or has no 16-bit rate. Of trainings published after `as_of` nothing is used."""
    device = device_named(device_name)
    rate = device.training_flops
    if rate is None:
        raise InputError(f"the 16-bit rate of {device.name} is not known", where="--device", remedy="name a device with matrix units")
    known = [run for run in load_whole_runs() if as_of is None or (run.source.published is not None and run.source.published <= as_of)]
    known = known or list(load_whole_runs())
    here = [run for run in known if same_family(run.device, device.name)]
    evidence = None if mfu is not None else mfu_of_runs(here or known)
    share = evidence.range if evidence is not None else exactly(mfu or 0.0)
    rent, rent_source = _rent(device, price)
    largest = max(known, key=lambda run: run.params * run.tokens)
    cluster = Cluster(1, rate.value, None, share, _mfu_source(evidence), rent, rent_source)
    sources = [rate.source, *(evidence.sources if evidence else ()), largest.source]
    if price is None and device.hourly_usd is not None:
        sources.append(device.hourly_usd.source)
    most = 6.0 * largest.params * largest.tokens
    return Prices(device.name, cluster, most, largest.model, tuple(dict.fromkeys(sources)), device, None if here else evidence)


def _rent(device: KnownDevice, price: float | None) -> tuple[Range | None, str]:
    if price is not None:
        return exactly(price), "--price"
    if device.hourly_usd is None:
        return None, "none"
    known = device.hourly_usd.value
    return Range(known.middle, known.low, known.high), device.hourly_usd.source.title


def _mfu_source(evidence: MfuEvidence | None) -> str:
    return (
        "--mfu" if evidence is None else f"median, least and most of {len(evidence.names)} finished trainings: {', '.join(evidence.names)}"
    )
