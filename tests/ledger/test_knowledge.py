"""Knowledge of manifests: what was learned is known, and nothing else."""

from __future__ import annotations

import pytest

from cleaner.errors import StateError
from cleaner.ledger.ledger import Ledger
from cleaner.model.manifest import Content
from tests.ledger.samples import BLOBS, digest

INDEX = Content(digest(1), "application/vnd.oci.image.index.v1+json", (digest(2), digest(3)))
IMAGE = Content(digest(2), "application/vnd.oci.image.manifest.v1+json", (), digest(9), BLOBS)


def test_what_was_learned_is_known(ledger: Ledger) -> None:
    """Children, subject and blobs come back as they were; digests that nobody learned are left out."""
    ledger.knowledge.learn([INDEX, IMAGE])
    assert ledger.knowledge.known([digest(3), digest(2), digest(1)]) == {digest(1): INDEX, digest(2): IMAGE}
    assert ledger.knowledge.known([]) == {}


def test_to_learn_again_changes_nothing(ledger: Ledger) -> None:
    """A digest names its bytes for ever: the first reading stands, also among new ones."""
    ledger.knowledge.learn([INDEX])
    ledger.knowledge.learn([Content(digest(1), "text/plain"), IMAGE, IMAGE])
    ledger.knowledge.learn([])
    assert ledger.knowledge.known([digest(1), digest(2)]) == {digest(1): INDEX, digest(2): IMAGE}


@pytest.mark.parametrize("number", [499, 500, 501, 1_250])
def test_many_at_once(ledger: Ledger, number: int) -> None:
    """However many are asked for, all that are known are found."""
    contents = [Content(digest(one), "text/plain") for one in range(number)]
    ledger.knowledge.learn(contents)
    assert list(ledger.knowledge.known(digest(one) for one in range(number + 3)).values()) == contents


def test_all_or_none_of_a_batch_is_learned(ledger: Ledger) -> None:
    """A batch with something that no database takes leaves nothing behind."""
    with pytest.raises(StateError):
        ledger.knowledge.learn([INDEX, Content(digest(2), "\ud800")])
    assert ledger.knowledge.known([digest(1), digest(2)]) == {}
