"""Airflow sensors: wait for labels, or for a stored measurement or decision. Reschedule by default: no slot is held."""
