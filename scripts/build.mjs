// Replaced by the real build below in this series.
