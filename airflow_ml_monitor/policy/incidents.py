"""Alarms of one story: neighbouring windows, one action, one model version; and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_ml_monitor.keys import EVER, Window, overlaps
from airflow_ml_monitor.policy.alarms import Alarmed, Places
from airflow_ml_monitor.policy.case import Case
from airflow_ml_monitor.policy.decision import ACTIVE, Event, Incident
from airflow_ml_monitor.policy.rule import Action, Policy
from airflow_ml_monitor.profile.layout import digest


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened to an incident, in words."""

    incident: str
    event: Event
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """All incidents after a judgement, and what changed.

    held: {id: in words} of the active incidents that cannot be judged, as the data of their windows is broken.
    """

    incidents: tuple[Incident, ...]
    events: tuple[Told, ...]
    held: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Episode:
    """Alarmed windows with fewer than `cooldown` judged windows between them.

    quiet: judged windows since. near: from `cooldown` judged windows before it to as many after; what is known to have
    alarmed there is the same story. split: the windows whose pooled value gives way to the versions', of which this is
    one. earliest: the start of the first window that its rules could judge.
    """

    action: Action
    model_version: str
    first: Window
    last: Window
    quiet: int
    near: Window
    split: frozenset[Window]
    earliest: datetime


def told(policy: Policy, case: Case, parts: Sequence[Alarmed], held: Collection[Window]) -> Story:
    """Match today's episodes with the incidents known before; open, confirm, retract, resolve, reopen.

    held: windows whose data is broken: nothing can be said of an incident there but that it is held.
    """
    episodes = _stories([episode for part in parts for episode in _episodes(policy, part)])
    before = sorted(case.incidents, key=lambda incident: _claim(case, incident))
    matched: dict[str, list[_Episode]] = {}
    after: dict[str, Incident] = {}
    events: list[Told | None] = []
    for episode in episodes:
        known = next((i for i in before if _same(i, episode)), None)
        if known is not None:
            matched.setdefault(known.id, []).append(episode)
            continue
        now, event = _opened(policy, case, episode)
        after[now.id] = now
        events.append(event)
    waiting = {}
    for incident in sorted(before, key=lambda i: (i.opened_at, i.id)):
        if incident.id in matched:
            now, event = _continued(policy, case, incident, _joined(matched[incident.id]))
        elif any(_same(incident, episode) for episode in episodes):
            now, event = _merged(case, incident)
        elif _is_held(incident, held):
            now, event = _cooled(policy, case, incident, parts)
            if now.status in ACTIVE:
                waiting[now.id] = f"held: {_of(case, now)}, until the data of its windows is right"
        else:
            now, event = _gone(case, incident, parts)
        after[now.id] = now
        events.append(event)
    return Story(tuple(after.values()), tuple(event for event in events if event), waiting)


def _episodes(policy: Policy, part: Alarmed) -> list[_Episode]:
    """Alarms of one rule with few windows between them that it could judge."""
    found: list[_Episode] = []
    cooldown = policy.cooldown_of(part.action)
    for version, rule in sorted({(alarm.model_version, alarm.window_rule) for alarm in part.alarms}):
        order = sorted(window for v, r, window in (*part.judged, *part.idle) if (v, r) == (version, rule))
        alarmed = {a.window for a in part.alarms if (a.model_version, a.window_rule) == (version, rule)}
        runs: list[list[int]] = []
        for place in (i for i, window in enumerate(order) if window in alarmed):
            if not runs or place - runs[-1][-1] > cooldown:
                runs.append([])
            runs[-1].append(place)
        split = frozenset(window for v, r, window in part.idle if version and (v, r) == ("", rule))
        ends = [*(run[0] for run in runs[1:]), len(order)]
        for run, end in zip(runs, ends, strict=True):
            near = _near(order, run[0] - cooldown, run[-1] + cooldown)
            first, last = order[run[0]], order[run[-1]]
            found.append(_Episode(part.action, version, first, last, end - 1 - run[-1], near, split, order[0].start))
    return found


def _stories(episodes: Iterable[_Episode]) -> list[_Episode]:
    """One story of each action and version: of several rules, by day and by week, what overlaps or is near is one."""
    stories: list[_Episode] = []
    for episode in sorted(episodes, key=lambda e: (e.action, e.model_version, e.first)):
        if stories and _is_one(stories[-1], episode):
            episode = _joined([stories.pop(), episode])
        stories.append(episode)
    return stories


def _is_one(before: _Episode, then: _Episode) -> bool:
    if (before.action, before.model_version) != (then.action, then.model_version):
        return False
    is_near = overlaps(window_of(then), [before.near]) and overlaps(window_of(before), [then.near])
    return is_near or overlaps(window_of(then), [window_of(before)])


def _near(order: Sequence[Window], first: int, last: int) -> Window:
    """From one place to another among the judged windows; without end where there is none."""
    start = order[first].start if first >= 0 else EVER.start
    return Window(start, order[last].end if last < len(order) else EVER.end)


def window_of(story: Incident | _Episode) -> Window:
    return Window(story.first.start, story.last.end)


def _joined(episodes: Sequence[_Episode]) -> _Episode:
    """One story: an incident whose middle was retracted, or rules, days and weeks that tell the same."""
    last = max(episodes, key=lambda e: (e.last.end, -e.quiet))
    quiet = min(e.quiet for e in episodes if e.last.end >= last.last.start)
    near = Window(min(e.near.start for e in episodes), max(e.near.end for e in episodes))
    split = frozenset(window for e in episodes for window in e.split)
    first, earliest = min(e.first for e in episodes), min(e.earliest for e in episodes)
    return replace(last, first=first, quiet=quiet, near=near, split=split, earliest=earliest)


def _same(incident: Incident, episode: _Episode) -> bool:
    """True if an episode is the incident's: same action and version, few judged windows between them.

    A late rewrite may move an alarm to the next window, and late labels may bring versions to enough rows to be judged
    one by one: that is no second story, and asks for nothing a second time.
    """
    is_split = not incident.model_version and {incident.first, incident.last} <= episode.split
    about = incident.action is episode.action and (incident.model_version == episode.model_version or is_split)
    near = episode.near
    if incident.status not in ACTIVE:
        # One that is over, before all that this rule could ever judge, is another story.
        near = Window(max(near.start, episode.earliest), near.end)
    return about and overlaps(window_of(incident), [near])


def _claim(case: Case, incident: Incident) -> tuple[bool, bool, datetime, str]:
    """Of several incidents that an episode may be of, the one that acted goes on: nothing is to be done twice."""
    acted = any(taken.incident == incident.id for taken in case.actions)
    return not acted, incident.status not in ACTIVE, incident.opened_at, incident.id


def _opened(policy: Policy, case: Case, episode: _Episode) -> tuple[Incident, Told | None]:
    """A story that was not known before; nothing is said of one that is over already."""
    name = (
        "inc-" + digest([case.monitor, episode.action, episode.model_version, str(episode.first), case.known_at])[:12]
    )
    is_over = episode.quiet >= policy.cooldown_of(episode.action)
    status = Event.RESOLVED if is_over else Event.OPENED
    text = f"opened: {_since(case, episode)}"
    told_now = None if is_over else Told(name, status, text)
    about = (episode.action, episode.model_version, episode.first, episode.last)
    return Incident(name, *about, status, case.known_at), told_now


def _continued(policy: Policy, case: Case, known: Incident, episode: _Episode) -> tuple[Incident, Told | None]:
    """The incident as it is told now, and what changed."""
    text = ""
    if episode.quiet >= policy.cooldown_of(episode.action):
        status = Event.RESOLVED
        if known.status is not Event.RESOLVED:
            text = f"resolved: {_of(case, episode)}, {episode.quiet} windows without an alarm"
    elif known.status in ACTIVE:
        status = Event.CONFIRMED
        if known.last != episode.last:
            text = f"confirmed: {_since(case, episode)}, now up to {case.date(episode.last.start)}"
    else:
        status, text = Event.REOPENED, f"reopened: {_of(case, episode)}"
    now = replace(known, first=episode.first, last=episode.last, status=status)
    return now, Told(known.id, status, text) if text else None


def _merged(case: Case, incident: Incident) -> tuple[Incident, Told | None]:
    """An incident whose alarms another one goes on with."""
    if incident.status not in ACTIVE:
        return incident, None
    now = replace(incident, status=Event.RESOLVED)
    return now, Told(now.id, now.status, f"resolved: {_of(case, incident)} is one story with an earlier one")


def _is_held(incident: Incident, held: Collection[Window]) -> bool:
    """True if a window of the incident cannot be judged: whether it would alarm is not known."""
    return incident.action is not Action.INVESTIGATE_DATA and overlaps(window_of(incident), held)


def _judged(incident: Incident, parts: Iterable[Alarmed]) -> Places:
    """What could be judged for the incident's action and version, before, in and after it."""
    places = (part.judged | part.idle for part in parts if part.action is incident.action)
    return frozenset(place for found in places for place in found if place[0] == incident.model_version)


def _cooled(policy: Policy, case: Case, incident: Incident, parts: Sequence[Alarmed]) -> tuple[Incident, Told | None]:
    """A held incident: as it was, until it is resolved by the windows since that every rule could judge."""
    rules = {e.head.rule for e in case.evidence if e.head.window == incident.last}
    each = [places for part in parts if (places := _judged(incident, [part]))]
    since = (sum(rule in rules and window > incident.last for _, rule, window in places) for places in each)
    quiet = min(since, default=0)
    if incident.status not in ACTIVE or quiet < policy.cooldown_of(incident.action):
        return incident, None
    now = replace(incident, status=Event.RESOLVED)
    return now, Told(now.id, now.status, f"resolved: {_of(case, now)}, {quiet} windows without an alarm")


def _gone(case: Case, incident: Incident, parts: Sequence[Alarmed]) -> tuple[Incident, Told | None]:
    """An incident without an alarm, as now known; of one that was over, this is said if its windows can be judged."""
    if incident.status is Event.RETRACTED:
        return incident, None
    if incident.status is Event.RESOLVED:
        is_known = incident.opened_at <= case.known_at  # a backfill sees those of later knowledge as well
        if not is_known or not overlaps(window_of(incident), [window for *_, window in _judged(incident, parts)]):
            return incident, None
    now = replace(incident, status=Event.RETRACTED)
    return now, Told(now.id, now.status, f"retracted: {_of(case, incident)}, as now known, was no alarm")


def _of(case: Case, story: Incident | _Episode) -> str:
    return f"{story.action} of {case.date(story.first.start)}"


def _since(case: Case, episode: _Episode) -> str:
    return f"{episode.action} since {case.date(episode.first.start)}"
