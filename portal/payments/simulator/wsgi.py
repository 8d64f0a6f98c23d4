"""What the web server loads as the sandbox's payment provider."""

from portal.payments.simulator import create_simulator

app = create_simulator()
