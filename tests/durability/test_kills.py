"""The quick part of the campaigns of kills: what run_campaign.py does at length."""

import campaigns
from campaigns import Bench


def test_kill_at_random_moments_loses_nothing(bench: Bench) -> None:
    campaigns.kill_at_random_moments(bench, 10, seed=1).assert_kept(at_least=10)


def test_kill_at_each_call_loses_nothing(bench: Bench) -> None:
    campaigns.kill_at_each_call(bench, every=6).assert_kept(at_least=6)


def test_kill_while_an_old_output_is_replaced_keeps_the_old_one(bench: Bench) -> None:
    campaigns.kill_at_each_call(bench, every=8, overwrite=True).assert_kept(at_least=5)


def test_kill_where_links_take_the_place_of_renaming_loses_nothing(bench: Bench) -> None:
    campaigns.kill_at_each_call(bench, every=10, links=1).assert_kept(at_least=4)
