"""How a champion that knows classes is watched."""
