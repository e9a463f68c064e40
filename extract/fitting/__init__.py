"""What is fitted on the train split: I3D, the Bi-LSTM, MuSimNet, and the statistics of untrained networks."""
