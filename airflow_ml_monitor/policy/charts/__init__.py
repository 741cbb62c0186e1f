"""Control charts: which of many signed components moved more than chance and habit, at a budget of false alarms."""
