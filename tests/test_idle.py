"""The budget of a small machine: web, dispatcher and one worker at rest take 180 MB together."""

import pytest

from bench.jobs.measure import idle_site

BUDGET_MEGABYTES = 180


@pytest.mark.site
def test_the_processes_of_an_idle_site_are_small() -> None:
    with idle_site() as site:
        memory = site.memory()
    assert sum(memory.values()) <= BUDGET_MEGABYTES, memory
