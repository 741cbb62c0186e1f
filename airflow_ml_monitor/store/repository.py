"""MetricsStore: the one door to the metrics database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from airflow_ml_monitor.keys import Window, utc
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement
from airflow_ml_monitor.policy.decision import ActionState, ActionTaken, Decision, Incident
from airflow_ml_monitor.policy.feedback import Feedback
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store import (
    actions,
    decisions,
    failed_rows,
    feedback,
    history,
    messages,
    migration,
    monitors,
    profiles,
    revisions,
    specs,
)
from airflow_ml_monitor.store.archive import Archive
from airflow_ml_monitor.store.contracts import Contracts
from airflow_ml_monitor.store.labels import Ledger
from airflow_ml_monitor.store.records import (
    DecisionRecord,
    HeadState,
    Numbers,
    ProfileKey,
    Recorded,
    ReferenceRecord,
    Revision,
    RevisionSummary,
    Selection,
    SpecVersion,
    Wanted,
    Written,
)
from airflow_ml_monitor.store.transactions import Transactions

if TYPE_CHECKING:
    import pandas


class MetricsStore(Transactions):
    """What was measured, judged and done, by monitor ('namespace/name').

    Making one connects to nothing; `check` says whether the tables are there, every other method takes them for
    granted. Each method is one transaction and may be called by several processes at once; after a fork too.
    Errors: StoreError where the database cannot be used, SpecError for a naive time or a key that is none.
    clock: the wall clock, for `recorded_at`. origin: where the URL is from, for messages; see `Database`.
    """

    def upgrade(self) -> None:
        """Make or renew tables and views; StoreTooNew where a newer release has been at work."""
        migration.upgrade(self._database)

    def check(self) -> None:
        """StoreNotMigrated or StoreTooNew unless the tables are those of this release."""
        migration.check(self._database)

    @property
    def archive(self) -> Archive:
        """What is stored of the past, for who lets it go."""
        return Archive(self)

    @property
    def contracts(self) -> Contracts:
        """Each version of a contract that ever answered."""
        return Contracts(self)

    @property
    def ledger(self) -> Ledger:
        """The entries of labels."""
        return Ledger(self)

    # Monitors

    def monitors(self) -> list[str]:
        """Every monitor that has stored anything, in order."""
        with self._database.reading() as connection:
            return monitors.listed(connection)

    def counted(self, monitor: str) -> dict[str, int]:
        """How many rows a monitor has, by table; UnknownName if there is none."""
        with self._database.reading() as connection:
            return monitors.counted(connection, monitor)

    def rename(self, monitor: str, new: str) -> None:
        """Give a monitor another name; its spec must bear it from now on."""
        self._database.write(lambda connection: monitors.rename(connection, monitor, new))
        self._monitors.clear()

    def delete(self, monitor: str) -> dict[str, int]:
        """Delete a monitor and all that is its; how many rows, by table. There is no way back."""
        gone = self._database.write(lambda connection: monitors.remove(connection, monitor))
        self._monitors.clear()
        self._series.clear()
        return gone

    # Specs and references

    def register_spec(self, monitor: str, digest: str, document: dict[str, Any], seen_at: datetime) -> None:
        """Store the spec unless it is the newest; valid from the end of what was measured before (first: always)."""
        # Read first: every step of every run comes by, and the lock is for the few that bring something.
        if self._read(monitor, specs.newest_digest) != digest:
            self._write(monitor, specs.register, digest, document, utc(seen_at))

    def spec_versions(self, monitor: str) -> list[SpecVersion]:
        """Every spec, by validity: the last one that is valid at an event time counts there."""
        return self._read(monitor, specs.versions)

    def spec_at(self, monitor: str, moment: datetime) -> SpecVersion | None:
        """The spec by which windows at an event time are measured."""
        return self._read(monitor, specs.at, utc(moment))

    def save_reference(self, monitor: str, record: ReferenceRecord, valid_from: datetime | None = None) -> None:
        """Store a reference unless its digest is there; valid as a spec is, unless told otherwise."""
        self._write(monitor, specs.save_reference, record, None if valid_from is None else utc(valid_from))

    def reference_at(self, monitor: str, dataset: str, moment: datetime) -> ReferenceRecord | None:
        """The reference of a dataset that is valid at an event time."""
        return self._read(monitor, specs.reference_at, dataset, utc(moment))

    def references(self, monitor: str, dataset: str) -> list[tuple[datetime, str]]:
        """(valid from, digest) of a dataset's references, by validity."""
        return self._read(monitor, specs.references, dataset)

    def reference(self, monitor: str, digest: str) -> ReferenceRecord | None:
        """The reference of a digest."""
        return self._read(monitor, specs.reference_of, digest)

    # Profiles

    def save_profile(self, monitor: str, key: ProfileKey, payload: bytes, known_at: datetime) -> None:
        """Store what a window held as known at a moment; if the key is there, what is stored stays."""
        self._write(monitor, profiles.save, key, payload, self._clock())
        self.saw_profile(monitor, key, known_at)

    def saw_profile(self, monitor: str, key: ProfileKey, known_at: datetime) -> None:
        """Say that a window held, as known at a moment, what a stored profile says."""
        # Read first: every step of every run comes by.
        if key not in self.profiles_seen(monitor, key.dataset, key.rule, key.window, known_at):
            self._write(monitor, profiles.see, key, utc(known_at))

    def profile(self, monitor: str, key: ProfileKey) -> bytes | None:
        """The profile of exactly this key."""
        return self._read(monitor, profiles.load, key)

    def profiles(self, monitor: str, keys: Collection[ProfileKey]) -> dict[ProfileKey, bytes]:
        """The profiles of some keys; those that are not there are left out."""
        return self._read(monitor, profiles.load_many, keys)

    def sightings(self, monitor: str, dataset: str, rule: str, within: Window) -> list[tuple[datetime, ProfileKey]]:
        """(known at, key) of all profiles ever seen of the windows that lie wholly in a span, in that order: the last
        one of a window up to a moment is the one that `profiles_seen` tells."""
        return self._read(monitor, profiles.sightings, dataset, rule, within)

    def profiles_seen(
        self, monitor: str, dataset: str, rule: str, within: Window, as_of: datetime | None = None
    ) -> list[ProfileKey]:
        """Of each window that lies wholly in a span, the profile as known now, or at a moment, whatever its layout and
        inputs; the newest window first."""
        return self._read(monitor, profiles.seen, dataset, rule, within, None if as_of is None else utc(as_of))

    # Measurements

    def replace_failed_rows(
        self, table: str, *, about: Mapping[str, str], columns: Sequence[str], rows: Sequence[failed_rows.Row]
    ) -> None:
        """Put rows that break a contract into a table of the user's, in place of those about the same window."""
        failed_rows.replace(self._database, table, about=about, columns=columns, rows=rows)

    def write_revision(
        self, monitor: str, head: HeadKey, revision: Revision, measurements: Sequence[Measurement]
    ) -> Written:
        """Store a family's numbers of one window, unless the newest ones known by then have the same inputs.

        One with an older `known_at` is stored, but never becomes current. StoreError for NaN and infinity.
        """
        return self.write_revisions(monitor, [Numbers(head, revision, measurements)])[0]

    def write_revisions(self, monitor: str, made: Sequence[Numbers]) -> list[Written]:
        """As `write_revision`, of many windows or families at once: all of them are stored, or none."""
        ids = self._series_ids(monitor, made)
        rows = [revisions.numbers(one.head, one.measurements, ids) for one in made]
        return self._write(monitor, revisions.write, made, rows, self._clock())

    def current(self, monitor: str, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """The measurements as they are known now, or were known at `as_of`, oldest window first; see Selection."""
        return self._read(monitor, history.recorded, Selection(**wanted))

    def history(self, monitor: str, *, metric: str | None = None, **wanted: Unpack[Wanted]) -> pandas.DataFrame:
        """As `current`, as a DataFrame of plain columns; `slice` is a JSON object, '{}' for the whole."""
        if metric is not None:
            wanted["metrics"] = {metric}
        return history.frame(self.current(monitor, **wanted))

    def metrics(self, monitor: str) -> set[str]:
        """The names of every metric that was ever measured of a monitor."""
        return self._read(monitor, history.metrics)

    def heads(
        self,
        monitor: str,
        family: Family,
        *,
        rule: str,
        dataset: str,
        stage: str = "production",
        as_of: datetime | None = None,
        within: Window | None = None,
    ) -> list[HeadState]:
        """The current revision of each window of a family (that lies wholly in a span), or the one known at `as_of`;
        oldest window first."""
        start, end = (None, None) if within is None else (within.start, within.end)
        wanted = Selection(as_of, [family], dataset, rule, stage, start=start, end=end)
        return self._read(monitor, history.heads, wanted)

    def moments(self, monitor: str, family: Family, dataset: str, rule: str, after: datetime) -> list[datetime]:
        """Every `known_at` after a moment at which a family was revised, oldest first."""
        return self._read(monitor, revisions.moments, family, dataset, rule, utc(after))

    def revisions(self, monitor: str, head: HeadKey) -> list[RevisionSummary]:
        """All revisions of a family in a window, in the order in which they were stored."""
        return self._read(monitor, revisions.summaries, head)

    # Decisions and actions

    def save_decision(self, monitor: str, record: DecisionRecord) -> Decision:
        """Store a decision, or return the one stored of the same knowledge, policy and input."""
        return self._write(monitor, decisions.save, record, self._clock())

    def last_decision(self, monitor: str, before: datetime) -> DecisionRecord | None:
        """The decision of the newest knowledge before a moment, with the state to resume from."""
        return self._read(monitor, decisions.last, utc(before))

    def decision_record(self, monitor: str, *, id: str = "", run: str = "") -> DecisionRecord | None:
        """A decision by its id, or by the DAG run that made it, with what it changed."""
        return self._read(monitor, decisions.record, id, run)

    def decision(self, decision_id: str) -> tuple[str, Decision] | None:
        """A decision by its id, with its monitor."""
        with self._database.reading() as connection:
            return decisions.by_id(connection, decision_id)

    def decision_at(self, monitor: str, known_at: datetime, policy_digest: str, input_digest: str) -> Decision | None:
        """The decision of exactly this knowledge, policy and input."""
        return self._read(monitor, decisions.same, utc(known_at), policy_digest, input_digest)

    def decisions(self, monitor: str, as_of: datetime | None = None) -> list[Decision]:
        """All decisions known by `as_of`, in the order of knowledge."""
        return self._read(monitor, decisions.listed, None if as_of is None else utc(as_of))

    def incidents(self, monitor: str) -> list[Incident]:
        """The incidents as the decision of the newest knowledge left them."""
        return self._read(monitor, decisions.known_incidents)

    def ask_action(
        self, monitor: str, incident: str, action: Action, decision_id: str, asked_at: datetime
    ) -> ActionTaken:
        """The one action of an incident: as asked now if it is new, failed or rejected, else as it stands."""
        asked = ActionTaken(incident, action, decision_id, utc(asked_at), ActionState.ASKED)
        return self._write(monitor, actions.ask, asked)

    def claim_action(self, decision_id: str, run_id: str, claimed_at: datetime) -> bool:
        """True for the one run that may act on a decision, however often it asks; False for every other."""
        return self._database.write(lambda c: actions.claim(c, decision_id, run_id, utc(claimed_at)))

    def finish_action(self, decision_id: str, run_id: str, state: ActionState, note: str) -> None:
        """What became of an action that this run has claimed: done, failed or rejected."""
        self._database.write(lambda c: actions.finish(c, decision_id, run_id, state, note))

    def actions(self, monitor: str) -> list[ActionTaken]:
        """The actions asked for, in that order."""
        return self._read(monitor, actions.listed)

    def save_feedback(self, monitor: str, given: Feedback) -> None:
        """Keep what was said of an incident, beside what was said before; UnknownName if there is none of its name."""
        self._read(monitor, feedback.check, given.incident)
        self._write(monitor, feedback.save, given)

    def feedback(self, monitor: str, as_of: datetime | None = None) -> list[Feedback]:
        """All that was said of incidents, or had been by a moment, in that order; of each the last word counts."""
        return self._read(monitor, feedback.listed, None if as_of is None else utc(as_of))

    def claim_message(self, decision_id: str, carrier: str, by: str) -> bool:
        """True if a carrier has yet to send a decision's message, and whoever asks may: claimed by no other."""
        return self._database.write(lambda c: messages.claim(c, decision_id, carrier, by, self._clock()))

    def message_sent(self, decision_id: str, carrier: str) -> None:
        """Say that a claimed message was sent."""
        self._database.write(lambda c: messages.sent(c, decision_id, carrier, self._clock()))
