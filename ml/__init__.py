"""The retraining steps: plain Python that knows nothing of Airflow.

Importing this package, and every module in it that a scheduler needs (`errors`, `settings`), loads the
standard library only; TensorFlow and pandas load inside the step that uses them.
"""
