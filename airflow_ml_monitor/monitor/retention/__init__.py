"""What of a monitor is kept, and for how long: the rules, all of them. `python -m airflow_ml_monitor db prune` applies
them.

Never goes, however old:
* the measurements of every window as known now. Charts, seasons and rules look back on all windows, and a decision
  names each revision that it was made of;
* decisions, incidents, actions, messages, feedback; specs, references, contracts;
* the label ledger. Labels are awaited up to the horizon and corrected after it, delays are learned from 310 days, and
  any performance is restated from it.

Goes when older than its age. Old is what is about an old time *and* was stored long ago: a backfill's is young.
* **Profiles** (`Ages.profiles`, 90 days, or as far as a trailing reference reaches, or the last window that is added up
  from its days). Fine ones stay of the newest windows, and of the 14 before these, at which named faults look back. Of
  an older window what was superseded goes, and the newest becomes coarse (`profile.coarse`).
* **Days** (`Ages.weeks`, a year): the coarse profiles of a calendar week's days become one.
* **Knowledge** (`Ages.revisions`, 90 days): a superseded revision of performance, or of what was estimated, goes unless
  it was the first one, or the first in which a series had a value; or `as_of` reads it at a moment that is kept. Kept
  are all moments since; those of decisions that asked for something or told of an incident; and of a window those of
  all decisions that name it, and the one at which the scoreboard looks it up.

So `history(as_of=…)` says at each kept moment what it said before, and at others what was known at the last kept one
before. The decisions made since then, and those that asked for something or told of an incident, can be made again and
come out the same. An old run that is cleared at another moment measures it anew, from the ledger.
A window that is measured anew after its fine profile went is scanned again, and looked at for faults without those
windows before it that have gone; what is stored of later windows that would look back at it stays.
What a run is judging while it is pruned is kept if its decision is saved first: only a backfill that judges knowledge
older than the age in that very second may cite a revision that is gone.
A change breaks this when something begins to look back on what goes.
"""
