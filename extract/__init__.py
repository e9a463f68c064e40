"""Stage 1: media in, features out. Decode, flow, I3D; waveform, MFCC, Bi-LSTM; the item graph."""
