"""The quick part of the campaign of interrupts."""

import campaigns
from campaigns import Bench


def test_interrupt_at_random_times_stops_and_resumes_with_the_same_bits(bench: Bench) -> None:
    campaigns.interrupt_at_random_times(bench, 8, seed=1).assert_kept(at_least=8)
