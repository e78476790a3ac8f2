"""The published laws by name."""

from difflib import get_close_matches

from llmpick.estimate.scaling.gadre import GADRE_C4, GADRE_REDPAJAMA, GADRE_REFINEDWEB
from llmpick.estimate.scaling.kaplan import KAPLAN_JOINT, KAPLAN_SCARCE, KAPLAN_STEPS
from llmpick.estimate.scaling.laws import Law
from llmpick.estimate.scaling.published import EPOCH, HOFFMANN, HOFFMANN_PRINTED, HOFFMANN_TEX, SARDANA
from llmpick.estimate.scaling.repeated import MUENNIGHOFF_LAW
from llmpick.evidence.errors import InputError

GADRE_LAWS = (GADRE_REDPAJAMA, GADRE_C4, GADRE_REFINEDWEB)
MAIN: tuple[Law, ...] = (EPOCH, HOFFMANN, KAPLAN_JOINT, MUENNIGHOFF_LAW, GADRE_REDPAJAMA.loss, SARDANA[10_000])
"""One law of each paper: those that are shown beside an answer."""
LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        *(EPOCH, HOFFMANN, HOFFMANN_PRINTED, HOFFMANN_TEX, KAPLAN_JOINT, *KAPLAN_SCARCE, KAPLAN_STEPS, MUENNIGHOFF_LAW),
        *(one.loss for one in GADRE_LAWS),
        *SARDANA.values(),
    )
}
SHORT = {"gadre": "gadre-redpajama", "sardana": "sardana-10000", "chinchilla": "hoffmann", "besiroglu": "epoch"}


def law_named(name: str) -> Law:
    """The law of that name or short name. Raises `InputError` with the names that there are."""
    key = name.strip().lower()
    found = LAWS.get(SHORT.get(key, key))
    if found is None:
        near = get_close_matches(key, [*LAWS, *SHORT], n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"there is no law {name!r}", where="--law", remedy=f"{meant}The laws are {', '.join(LAWS)}")
    return found
