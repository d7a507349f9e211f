"""The forecasting engine: arrays in, forecasts and epochs out; torch and NumPy alone."""
