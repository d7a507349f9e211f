"""A clock that stands still until it is moved."""


class FakeClock:
    def __init__(self, start_ms=1_790_000_000_000):
        self.ms = float(start_ms)
        self.seconds = 1000.0

    def now_ms(self):
        return int(self.ms)

    def monotonic(self):
        return self.seconds

    def move(self, seconds):
        self.ms += seconds * 1000
        self.seconds += seconds
