"""What the sample shop is scaled by, and how quickly it decides."""

from pathlib import Path

HERE = Path(__file__).parent
ARRIVALS, CPU = HERE / "arrivals.yaml", HERE / "cpu.yaml"
QUICK = {
    "CARTWHEEL_AUTOSCALE_SYNC_PERIOD": "0.1",
    "CARTWHEEL_AUTOSCALE_RESOLUTION": "0.1",
}
