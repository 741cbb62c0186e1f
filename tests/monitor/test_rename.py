"""A monitor under another name is the same monitor."""

from __future__ import annotations

from dataclasses import replace


def test_a_renamed_monitor_goes_on_with_its_history_and_measures_old_windows_under_the_new_name(world, measure):
    for number in range(4):
        measure(world.monitor(), world.run(number))
    before = world.revisions()
    world.store.rename(world.spec.key, "risk/renamed")
    world.spec = replace(world.spec, namespace="risk", name="renamed")
    for number in (4, 5):
        measure(world.monitor(), world.run(number))
    assert world.store.monitors() == ["risk/renamed"]
    windows = {r.head.window for r in world.store.current("risk/renamed")}
    assert windows == {world.day(number) for number in range(6)}
    # Labels of the first days came since: they are revised where they stand, by the spec that they had.
    after = world.revisions()
    assert set(before) <= set(after)
    assert any(after[key] > number for key, number in before.items() if key[0] == "performance")
