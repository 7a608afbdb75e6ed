"""The table of `make demo`: made up, because a demo needs true labels before and after a change that it can state.

Each row is a pump with three sensors and its site. What a workshop finds when it opens the pump, the state, follows from
a sum called wear and from noise that no sensor sees. `temperature` is in degrees Celsius, `vibration` in mm/s, `load` in
percent. With t = (temperature - 60) / 5, v = (vibration - 3) / 1.5 and l = (load - 60) / 23:

- before the change: temperature is normal (60, 5), load is uniform from 20 to 100, wear = 1.2 t + 1.2 v + 0.6 l;
- after it: temperature is normal (65, 5), load is uniform from 36 to 100, wear = 1.5 v + 0.3 l - 0.5 (t - 1).

Vibration has a gamma distribution (shape 4, scale 0.75) at all times, and half of the pumps are in the north, three of
ten in the south. With normal noise (0, 0.3) added, wear below 0 is `good`, below 1.5 `worn`, and `failing` above.
"""

import numpy as np
import pandas as pd

TARGET = "state"
MOVED = ("temperature", "load")  # whose distribution changes
NOISE = 0.3


def pumps(rows: int, seed: int, changed: bool) -> pd.DataFrame:
    """Draw pumps with their true state, before or after the change; the same seed gives the same rows.

    Returns DataFrame, shape (rows, 5): `temperature`, `vibration` and `load` as float64, `site` and `state` as text.
    """
    draw = np.random.default_rng(seed)
    temperature = draw.normal(65 if changed else 60, 5, rows).round(1)
    vibration = draw.gamma(4, 0.75, rows).round(2)
    load = draw.uniform(36 if changed else 20, 100, rows).round(1)
    site = draw.choice(["north", "south", "west"], rows, p=[0.5, 0.3, 0.2])
    t, v, loaded = (temperature - 60) / 5, (vibration - 3) / 1.5, (load - 60) / 23
    wear = 1.5 * v + 0.3 * loaded - 0.5 * (t - 1) if changed else 1.2 * t + 1.2 * v + 0.6 * loaded
    wear = wear + draw.normal(0, NOISE, rows)
    state = np.select([wear < 0, wear < 1.5], ["good", "worn"], "failing")
    return pd.DataFrame({"temperature": temperature, "vibration": vibration, "load": load, "site": site, TARGET: state})
