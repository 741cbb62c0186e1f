"""Alembic's entry: runs migrations on the connection that `store.migration` hands over, in its transaction.

Views are made anew after the newest migration, so that one can alter a table under them; they are this release's.
"""

from alembic import context

from airflow_ml_monitor.store.tables import REVISION, VERSION_TABLE, metadata
from airflow_ml_monitor.store.views import create_views, drop_views


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    drop_views(connection)
    with context.begin_transaction():
        context.run_migrations()
    if context.get_context().get_current_revision() == REVISION:
        create_views(connection)


# Alembic loads this file under this name; whoever imports it otherwise (a collector of doctests) runs nothing.
if __name__ == "env_py":
    run()
