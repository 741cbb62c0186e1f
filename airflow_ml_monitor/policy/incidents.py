"""Alarms of one story: neighbouring windows, one action, one model version; and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.policy.alarms import Alarmed
from airflow_ml_monitor.policy.decision import Event, Incident
from airflow_ml_monitor.policy.rule import Action, Policy
from airflow_ml_monitor.profile.layout import digest

if TYPE_CHECKING:
    from airflow_ml_monitor.policy.judge import Case


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened to an incident, in words."""

    incident: str
    event: Event
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """All incidents after a judgement, and what changed."""

    incidents: tuple[Incident, ...]
    events: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class _Episode:
    """Alarmed windows with fewer than `cooldown` judged windows between them. quiet: judged windows since."""

    action: Action
    model_version: str
    first: Window
    last: Window
    quiet: int


def told(policy: Policy, case: Case, parts: Sequence[Alarmed]) -> Story:
    """Match today's episodes with the incidents known before; open, confirm, retract, resolve, reopen."""
    episodes = [episode for part in parts for episode in _episodes(policy, part)]
    before = sorted(case.incidents, key=lambda incident: _claim(case, incident))
    matched: dict[str, list[_Episode]] = {}
    after: dict[str, Incident] = {}
    events: list[Told] = []
    for episode in episodes:
        known = next((i for i in before if _same(i, episode)), None)
        if known is not None:
            matched.setdefault(known.id, []).append(episode)
            continue
        now, event = _opened(policy, case, episode)
        after[now.id] = now
        events += [event] if event else []
    for incident in sorted(before, key=lambda i: (i.opened_at, i.id)):
        if incident.id in matched:
            now, event = _continued(policy, incident, _joined(matched[incident.id]))
        else:
            now, event = _without(incident, episodes)
        after[now.id] = now
        events += [event] if event else []
    return Story(tuple(after.values()), tuple(events))


def _episodes(policy: Policy, part: Alarmed) -> list[_Episode]:
    """Alarms of one action with few judged windows between them; those of several window rules that overlap are one."""
    found: list[_Episode] = []
    for version, rule in sorted({(alarm.model_version, alarm.window_rule) for alarm in part.alarms}):
        mine = (window for v, r, window in (*part.judged, *part.idle) if (v, r) == (version, rule))
        place = {window: i for i, window in enumerate(sorted(mine))}
        alarmed = sorted({a.window for a in part.alarms if (a.model_version, a.window_rule) == (version, rule)})
        first = last = alarmed[0]
        for window in alarmed[1:]:
            if place[window] - place[last] > policy.cooldown:
                found.append(_Episode(part.action, version, first, last, place[window] - place[last] - 1))
                first = window
            last = window
        found.append(_Episode(part.action, version, first, last, len(place) - 1 - place[last]))
    stories: list[_Episode] = []
    for episode in sorted(found, key=lambda e: (e.model_version, e.first)):
        if stories and stories[-1].model_version == episode.model_version and _overlap(stories[-1], episode):
            episode = _joined([stories.pop(), episode])
        stories.append(episode)
    return stories


def _overlap(a: Incident | _Episode, b: Incident | _Episode) -> bool:
    return a.first.start < b.last.end and b.first.start < a.last.end


def _joined(episodes: Sequence[_Episode]) -> _Episode:
    """One story: an incident whose middle was retracted, or days and weeks that tell the same."""
    last = max(episodes, key=lambda e: (e.last.end, -e.quiet))
    quiet = min(e.quiet for e in episodes if e.last.end >= last.last.start)
    return replace(last, first=min(e.first for e in episodes), quiet=quiet)


def _same(incident: Incident, episode: _Episode) -> bool:
    """True if an episode is the incident's: same action and version, overlapping windows."""
    about = incident.action is episode.action and incident.model_version == episode.model_version
    return about and _overlap(incident, episode)


def _claim(case: Case, incident: Incident) -> tuple[bool, bool, datetime, str]:
    """Of several incidents that an episode overlaps, the one that acted goes on: nothing is to be done twice."""
    acted = any(taken.incident == incident.id for taken in case.actions)
    gone = incident.status in (Event.RETRACTED, Event.RESOLVED)
    return not acted, gone, incident.opened_at, incident.id


def _opened(policy: Policy, case: Case, episode: _Episode) -> tuple[Incident, Told | None]:
    """A story that was not known before; nothing is said of one that is over already."""
    name = (
        "inc-" + digest([case.monitor, episode.action, episode.model_version, str(episode.first), case.known_at])[:12]
    )
    is_over = episode.quiet >= policy.cooldown
    status = Event.RESOLVED if is_over else Event.OPENED
    text = f"opened: {_since(episode)}"
    told_now = None if is_over else Told(name, status, text)
    about = (episode.action, episode.model_version, episode.first, episode.last)
    return Incident(name, *about, status, case.known_at), told_now


def _continued(policy: Policy, known: Incident, episode: _Episode) -> tuple[Incident, Told | None]:
    """The incident as it is told now, and what changed."""
    text = ""
    if episode.quiet >= policy.cooldown:
        status = Event.RESOLVED
        if known.status is not Event.RESOLVED:
            text = f"resolved: {_of(episode)}, {episode.quiet} windows without an alarm"
    elif known.status in (Event.RETRACTED, Event.RESOLVED):
        status, text = Event.REOPENED, f"reopened: {_of(episode)}"
    else:
        status = Event.CONFIRMED
        if known.last != episode.last:
            text = f"confirmed: {_since(episode)}, now up to {episode.last.start:%Y-%m-%d}"
    now = replace(known, first=episode.first, last=episode.last, status=status)
    return now, Told(known.id, status, text) if text else None


def _without(incident: Incident, episodes: Sequence[_Episode]) -> tuple[Incident, Told | None]:
    """An incident that no episode goes on with."""
    if incident.status in (Event.RETRACTED, Event.RESOLVED):
        return incident, None
    if any(_same(incident, episode) for episode in episodes):
        now = replace(incident, status=Event.RESOLVED)
        return now, Told(now.id, now.status, f"resolved: {_of(incident)} is one story with an earlier one")
    now = replace(incident, status=Event.RETRACTED)
    return now, Told(now.id, now.status, f"retracted: {_of(incident)}, as now known, was no alarm")


def _of(story: Incident | _Episode) -> str:
    return f"{story.action} of {story.first.start:%Y-%m-%d}"


def _since(episode: _Episode) -> str:
    return f"{episode.action} since {episode.first.start:%Y-%m-%d}"
