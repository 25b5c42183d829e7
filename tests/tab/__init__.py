"""The tab `gtlog` in real TensorBoard servers; none of it needs TensorFlow."""
