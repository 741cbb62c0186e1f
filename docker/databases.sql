-- Run once, by the image, on an empty volume: the metrics are not Airflow's own tables.
CREATE DATABASE ml_monitor;
