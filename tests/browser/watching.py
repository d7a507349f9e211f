"""A page whose console is listened to."""


class Watched:
    """Collects console errors, uncaught exceptions and broken security policy."""

    def __init__(self, context):
        self.context = context
        self.complaints = []
        self.page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message):
        if message.type == "error":
            place = message.location.get("url", "")
            self.complaints.append(f"{message.text} {place}")
